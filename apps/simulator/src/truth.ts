import { anomalyOf, type AnomalyKind } from './anomaly.js';
import { BEHAVIOURS, NEWBORN } from './behaviours.js';
import { shopOptions, type ShopOptions } from './options.js';
import { profileOf, type Chapter, type Kind, type Profile } from './profile.js';

/** What was planted on whom: the answer that found segments are compared with. */
export interface Truth {
  seed: number;
  from: string;
  until: string;
  behaviours: { key: string; title: string; description: string }[];
  customers: CustomerTruth[];
  anomalies: AnomalyTruth[];
}

export interface CustomerTruth {
  userId: string;
  /** At the end of the history: a behaviour's key, `a+b` for a mixture, `noise`. */
  behaviour: string;
  kind: Kind;
  /** What it was before the drift, where the drift changed it. */
  before?: { behaviour: string; until: string };
}

export interface AnomalyTruth {
  userId: string;
  kind: AnomalyKind;
  from: string;
  to: string;
  messageIds: string[];
}

export function truthOf(given: Partial<ShopOptions> = {}): Truth {
  const options = shopOptions(given);
  const profiles = Array.from({ length: options.customers }, (_, index) => profileOf(index, options));
  const from = profiles.reduce((earliest, { start }) => Math.min(earliest, start), options.until);
  const known = options.drift === null ? BEHAVIOURS : [...BEHAVIOURS, NEWBORN];
  return {
    seed: options.seed,
    from: new Date(from).toISOString(),
    until: new Date(options.until).toISOString(),
    behaviours: known.map(({ key, title, description }) => ({ key, title, description })),
    customers: profiles.map((profile) => customerTruth(profile, options)),
    anomalies: profiles.flatMap((profile) => anomalyTruth(profile, options)),
  };
}

function customerTruth({ userId, chapters }: Profile, options: ShopOptions): CustomerTruth {
  const reached = chapters.filter(({ from }) => from < options.until);
  const [last, former] = reached.reverse();
  if (last === undefined) throw new Error(`${userId} follows nothing, not even noise`);
  const truth = { userId, behaviour: keyOf(last), kind: last.kind };
  return former ? { ...truth, before: { behaviour: keyOf(former), until: new Date(last.from).toISOString() } } : truth;
}

function keyOf({ kind, behaviours }: Chapter): string {
  return kind === 'noise'
    ? 'noise'
    : behaviours
        .map(({ key }) => key)
        .sort()
        .join('+');
}

function anomalyTruth(profile: Profile, options: ShopOptions): AnomalyTruth[] {
  const anomaly = anomalyOf(profile, options);
  const first = anomaly?.moments[0];
  const last = anomaly?.moments.at(-1);
  if (!anomaly || !first || !last) return [];
  return [
    {
      userId: profile.userId,
      kind: anomaly.kind,
      from: new Date(first.time).toISOString(),
      to: new Date(last.time).toISOString(),
      messageIds: anomaly.moments.map((_, place) => `sim-${options.seed}-${profile.index}-strange-${place}`),
    },
  ];
}
