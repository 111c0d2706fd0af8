import { explanation, type worker } from '#libs/contracts';

import type { Micros } from '../time/micros.js';

/** What a segment is told apart by: as kept with its version (SegmentTrait of worker.proto). */
export interface KnownTrait {
  readonly key: string;
  readonly segmentValue: number;
  readonly restValue: number;
}

const MICROS_PER_DAY = 86_400_000_000;
const DAYS_PER_MONTH = 30.44;

/**
 * A customer's own figures for those traits that are plain counts of events, defined as the worker's portrait defines them
 * (data/portrait.py): recency, recency_main, tenure, main_count, one_time, event_rate and event_share.
 */
export function fittingTraits(traits: readonly KnownTrait[], events: readonly worker.ScoreEvent[], mainEvents: ReadonlySet<string>, readAt: Micros): explanation.FittingTrait[] {
  const figure = figuresOf(events, mainEvents, readAt);
  return traits.flatMap(({ key, segmentValue, restValue }) => {
    const value = figure(key);
    if (value === undefined) return [];
    return [{ key, value, fits: Math.abs(scaled(value) - scaled(segmentValue)) <= Math.abs(scaled(value) - scaled(restValue)) } satisfies explanation.FittingTrait];
  });
}

export function figuresOf(events: readonly worker.ScoreEvent[], mainEvents: ReadonlySet<string>, readAt: Micros): (key: string) => number | undefined {
  const days = (at: Micros | undefined) => (at === undefined ? undefined : (readAt - at) / MICROS_PER_DAY);
  const mains = events.filter(({ name }) => mainEvents.has(name));
  const months = Math.max(days(events[0]?.occurredAt) ?? 0, DAYS_PER_MONTH) / DAYS_PER_MONTH;
  return (key) => {
    const [kind = '', ...about] = key.split(':');
    const count = events.filter(({ name }) => name === about.join(':')).length;
    switch (kind) {
      case 'recency':
        return days(events.at(-1)?.occurredAt);
      case 'recency_main':
        return days(mains.at(-1)?.occurredAt);
      case 'tenure':
        return days(events[0]?.occurredAt);
      case 'main_count':
        return mains.length;
      case 'one_time':
        return mains.length === 0 ? undefined : Number(mains.length === 1);
      case 'event_rate':
        return count / months;
      case 'event_share':
        return events.length === 0 ? undefined : count / events.length;
      default:
        return undefined;
    }
  };
}

/** Figures that span magnitudes are compared by their magnitude. */
function scaled(value: number): number {
  return Math.sign(value) * Math.log1p(Math.abs(value));
}
