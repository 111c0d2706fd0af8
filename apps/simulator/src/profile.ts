import { BEHAVIOURS, NEWBORN, type Behaviour } from './behaviours.js';
import { MONTH, type ShopOptions } from './options.js';
import { drawsOf, type Draws } from './random.js';

export type Kind = 'planted' | 'mixture' | 'noise';

/** What a customer follows from a time on: one behaviour, two in turn, or none. */
export interface Chapter {
  from: number;
  kind: Kind;
  behaviours: readonly Behaviour[];
}

/** Everything about a customer that is settled before the first event. */
export interface Profile {
  index: number;
  userId: string;
  start: number;
  /** In time order; more than one only where drift has struck. */
  chapters: readonly Chapter[];
  /** Typical value of an order. */
  spend: number;
  traits: Record<string, string>;
  hasAnonymousStart: boolean;
}

/** Part of the history within which customers arrive, so that everyone has enough behind them to be known by. */
const ARRIVALS = 0.45;
const COUNTRIES = ['GB', 'DE', 'FR', 'NL', 'SE', 'US', 'IE', 'ES'] as const;
const CHANNELS = ['organic', 'paid-search', 'referral', 'social', 'email'] as const;
const PLANS = ['free', 'club', 'club-plus'] as const;

export function profileOf(index: number, options: ShopOptions): Profile {
  const draws = drawsOf(options.seed, index, 'profile');
  const begin = options.until - options.months * MONTH;
  const start = Math.round(begin + draws.uniform() * ARRIVALS * options.months * MONTH);
  const spend = draws.logNormal(60, 0.5);
  const traits = {
    country: draws.pick(COUNTRIES),
    acquisitionChannel: draws.pick(CHANNELS),
    plan: draws.pick(PLANS),
    createdAt: new Date(start).toISOString(),
  };
  const hasAnonymousStart = draws.chance(0.1);
  const userId = `shopper-${String(index + 1).padStart(6, '0')}`;
  return { index, userId, start, spend, traits, hasAnonymousStart, chapters: chaptersOf(index, start, options) };
}

function chaptersOf(index: number, start: number, options: ShopOptions): Chapter[] {
  const draws = drawsOf(options.seed, index, 'behaviour');
  const first = { from: start, ...dealt(draws, options.noise, BEHAVIOURS) };
  const { drift } = options;
  if (drift === null) return [first];
  const later = drawsOf(options.seed, index, 'drift');
  if (start >= drift) return [{ from: start, ...dealt(later, options.noise, shifted()) }];
  if (first.kind !== 'planted' || !later.chance(options.driftShare)) return [first];
  const choices = shifted().filter((behaviour) => behaviour !== first.behaviours[0]);
  return [first, { from: drift, kind: 'planted', behaviours: [later.pick(choices)] }];
}

/** Behaviours after the drift, each as often as it is likely: the newborn weighs as much as three others together. */
function shifted(): Behaviour[] {
  const growing = BEHAVIOURS.filter(({ key }) => key === 'browsers' || key === 'leaving-subscribers');
  return [...BEHAVIOURS, ...growing, NEWBORN, NEWBORN, NEWBORN];
}

function dealt(draws: Draws, noise: number, choices: readonly Behaviour[]): Omit<Chapter, 'from'> {
  const first = draws.pick(choices);
  const second = draws.pick(choices.filter((behaviour) => behaviour !== first));
  const place = draws.uniform();
  if (place < noise / 2) return { kind: 'noise', behaviours: [] };
  if (place < noise) return { kind: 'mixture', behaviours: [first, second] };
  return { kind: 'planted', behaviours: [first] };
}

/** What the customer follows at a time. */
export function chapterAt(profile: Profile, time: number): Chapter {
  const chapter = profile.chapters.findLast(({ from }) => from <= time) ?? profile.chapters[0];
  if (chapter === undefined) throw new Error(`${profile.userId} follows nothing, not even noise`);
  return chapter;
}
