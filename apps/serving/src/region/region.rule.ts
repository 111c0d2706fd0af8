import { Inject, Injectable } from '@nestjs/common';

import type { rule, worker } from '#libs/contracts';

import { type Counting, figuresOf } from '../explanation/own.figures.js';
import { pauseBetweenVisits, visitsOf } from '../explanation/visit.js';
import { Calendar } from '../onnx/calendar.js';
import { toScoreEvent } from '../scoring/customer.reading.js';
import { FeedRepository } from '../scoring/feed.repository.js';
import { ScoringRepository } from '../scoring/scoring.repository.js';
import { RULE_WORKER, type RuleWorkerClient } from '../store.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';

/** Customers whose histories are read; a rule of so many is measured to some hundredths. */
const MEMBERS = 300;
const OTHERS = 600;
/** Names of events that get figures of their own, and pairs of them in a row. */
const EVENTS_COUNTED = 15;
const PAIRS_COUNTED = 30;
const SEED = 1;
const END = { horizon: Number.MAX_SAFE_INTEGER, sequence: Number.MAX_SAFE_INTEGER };
const [DAYS, SHARE] = ['days', 'share'];
const FIXED = { recency: DAYS, recency_main: DAYS, tenure: DAYS, gap: DAYS, main_count: 'times', visit_size: 'events', weekend: SHARE, morning: SHARE, evening: SHARE } as const;

/** A rule in words for customers whom no rule made: by what can be counted of their events. */
@Injectable()
export class RegionRule {
  constructor(
    @Inject(RULE_WORKER) private readonly worker: RuleWorkerClient,
    private readonly feed: FeedRepository,
    private readonly scoring: ScoringRepository,
    private readonly directory: WorkspaceDirectory,
  ) {}

  /** Undefined where there are too few to tell apart. Rejects with what the worker says where it is away. */
  async of(workspaceId: string, modelId: string, members: readonly string[], others: readonly string[]): Promise<rule.SegmentRule | undefined> {
    const chosen = [...evenly(members, MEMBERS).map((id) => ({ id, isMember: true })), ...evenly(others, OTHERS).map((id) => ({ id, isMember: false }))];
    const ids = chosen.map(({ id }) => id);
    const [events, states, timezone] = await Promise.all([
      this.feed.ofCustomers(workspaceId, ids, END),
      this.scoring.states(workspaceId, modelId, ids),
      this.directory.timezone(workspaceId),
    ]);
    const lives = new Map([...Map.groupBy(events, ({ customerId }) => customerId)].map(([id, theirs]) => [id, theirs.map(toScoreEvent)]));
    const mainEvents = new Set(states.flatMap(({ forecast }) => forecast.shape.targets.map(([event]) => event)));
    const counting = { mainEvents, pause: pauseBetweenVisits(lives.values()), calendar: new Calendar(timezone) };
    const held = new Map(states.map((state) => [state.customerId, state]));
    const rows = chosen.flatMap(({ id, isMember }) => {
      const [state, life] = [held.get(id), lives.get(id)];
      return state && life ? [{ isMember, figure: figuresOf(life, state.readAt, counting) }] : [];
    });
    const isTold = (of: boolean) => rows.filter(({ isMember }) => isMember === of).length >= 2;
    if (!isTold(true) || !isTold(false)) return undefined;
    const traits = Object.entries(unitsOf([...lives.values()], counting)).map(([key, unit]) => ({ key, unit, values: rows.map(({ figure }) => figure(key) ?? Number.NaN) }));
    const { rule: made } = await this.worker.distillRule({ traits, members: rows.map(({ isMember }) => isMember), mainEvent: [...mainEvents][0] ?? '', seed: SEED });
    return made;
  }
}

/** What is counted of everyone, by key, and its unit: of the events and pairs of events that are most common. */
function unitsOf(lives: readonly worker.ScoreEvent[][], { pause }: Counting): Record<string, string> {
  const names = mostCommon(lives.flatMap((life) => life.map(({ name }) => name)), EVENTS_COUNTED);
  const visits = pause === undefined ? [] : lives.flatMap((life) => visitsOf(life, pause));
  const pairs = mostCommon(visits.flatMap((visit) => visit.slice(1).map(({ name }, index) => `${visit[index]?.name ?? ''}>${name}`)), PAIRS_COUNTED);
  return {
    ...FIXED,
    ...Object.fromEntries(names.map((name) => [`event_rate:${name}`, 'per month'])),
    ...Object.fromEntries([...names.flatMap((name) => [`event_share:${name}`, `opening:${name}`, `closing:${name}`]), ...pairs.map((pair) => `after:${pair}`)].map((key) => [key, SHARE])),
  };
}

function mostCommon(words: readonly string[], most: number): string[] {
  const counted = [...Map.groupBy(words, (word) => word)].map(([word, { length }]) => ({ word, length }));
  return counted.sort((a, b) => b.length - a.length).slice(0, most).map(({ word }) => word);
}

function evenly(ids: readonly string[], most: number): string[] {
  const step = Math.max(1, ids.length / most);
  return Array.from({ length: Math.min(most, ids.length) }, (_, at) => ids[Math.floor(at * step)] ?? '');
}
