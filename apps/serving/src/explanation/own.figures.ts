import { explanation, type worker } from '#libs/contracts';

import type { Calendar } from '../onnx/calendar.js';
import type { Micros } from '../time/micros.js';
import { visitsOf } from './visit.js';

/** What a segment is told apart by: as kept with its version (SegmentTrait of worker.proto). */
export interface KnownTrait {
  readonly key: string;
  readonly segmentValue: number;
  readonly restValue: number;
}

/** How the events of one workspace are counted, by the model that is asked. */
export interface Counting {
  readonly mainEvents: ReadonlySet<string>;
  /** Without an event that ends a visit; undefined where events do not come in visits. */
  readonly pause: Micros | undefined;
  /** Local to the workspace. */
  readonly calendar: Calendar;
}

/** A customer's own figure for a trait, by its key; undefined where it does not apply, or is none that is counted of events. */
export type OwnFigures = (key: string) => number | undefined;

const MICROS_PER_DAY = 86_400_000_000;
const DAYS_PER_MONTH = 30.44;
/** A life shorter than this has no trend. */
const LEAST_OF_TREND_DAYS = 60;
const [SATURDAY, NOON, EVENING] = [5, 12, 18];

/** How a customer's own figures lie beside the segment's. */
export function fittingTraits(traits: readonly KnownTrait[], figure: OwnFigures): explanation.FittingTrait[] {
  return traits.flatMap(({ key, segmentValue, restValue }) => {
    const value = figure(key);
    if (value === undefined) return [];
    const fits = Math.abs(scaled(value) - scaled(segmentValue)) <= Math.abs(scaled(value) - scaled(restValue));
    return [{ key, value, fits, isEstimate: isForeseen(key) } satisfies explanation.FittingTrait];
  });
}

/** What is not counted but the model's word: the chance of a main event within its middle horizon. */
export function isForeseen(key: string): boolean {
  return key.startsWith('expected:');
}

/** Counted of a customer's events, by time, as the worker's portrait counts (data/portrait.py): all but money, items and other properties. */
export function figuresOf(events: readonly worker.ScoreEvent[], readAt: Micros, counting: Counting): OwnFigures {
  const mains = events.filter(({ name }) => counting.mainEvents.has(name));
  const ofLife = lifeFigures(events, mains, readAt);
  const ofVisits = visitFigures(events, counting.pause);
  const ofCalendar = calendarFigures(counting.mainEvents.size > 0 ? mains : events, counting.calendar);
  return (key) => {
    const [kind = '', ...rest] = key.split(':');
    const about = rest.join(':');
    return ofLife(kind, about) ?? ofVisits(kind, about) ?? ofCalendar(kind, about);
  };
}

type Figures = (kind: string, about: string) => number | undefined;

function lifeFigures(events: readonly worker.ScoreEvent[], mains: readonly worker.ScoreEvent[], readAt: Micros): Figures {
  const since = (event: worker.ScoreEvent | undefined) => event && (readAt - event.occurredAt) / MICROS_PER_DAY;
  const tenure = since(events[0]) ?? 0;
  const gaps = mains.slice(1).map(({ occurredAt }, index) => (occurredAt - (mains[index]?.occurredAt ?? occurredAt)) / MICROS_PER_DAY);
  const named = (name: string) => events.filter((event) => event.name === name).length;
  return (kind, about) => {
    switch (kind) {
      case 'recency':
        return since(events.at(-1));
      case 'recency_main':
        return since(mains.at(-1));
      case 'tenure':
        return since(events[0]);
      case 'main_count':
        return mains.length;
      case 'one_time':
        return mains.length === 0 ? undefined : Number(mains.length === 1);
      case 'recent':
        return mains.filter((event) => (since(event) ?? 0) <= Number(about)).length;
      case 'trend':
        return tenure < LEAST_OF_TREND_DAYS ? undefined : 4 * shareOf(events, (event) => (since(event) ?? 0) <= tenure / 4, 0);
      case 'gap':
        return meanOf(gaps);
      case 'unevenness':
        return gaps.length < 3 ? undefined : unevennessOf(gaps);
      case 'event_rate':
        return (named(about) * DAYS_PER_MONTH) / Math.max(tenure, DAYS_PER_MONTH);
      case 'event_share':
        return events.length === 0 ? undefined : named(about) / events.length;
      default:
        return undefined;
    }
  };
}

/** What opens and closes a visit, and what follows what within one. */
function visitFigures(events: readonly worker.ScoreEvent[], pause: Micros | undefined): Figures {
  const visits = pause === undefined ? [] : visitsOf(events, pause);
  const steps = visits.flatMap((visit) => visit.slice(1).map(({ name }, index) => ({ from: visit[index]?.name ?? '', pair: `${visit[index]?.name ?? ''}>${name}` })));
  return (kind, about) => {
    switch (kind) {
      case 'opening':
        return shareOf(visits, (visit) => visit[0]?.name === about);
      case 'closing':
        return shareOf(visits, (visit) => visit.at(-1)?.name === about);
      case 'after':
        return shareOf(steps.filter(({ from }) => about.startsWith(`${from}>`)), ({ pair }) => pair === about);
      case 'visit_size':
        return visits.length === 0 ? undefined : events.length / visits.length;
      default:
        return undefined;
    }
  };
}

function calendarFigures(events: readonly worker.ScoreEvent[], calendar: Calendar): Figures {
  let times: { hour: number; weekday: number }[] | undefined;
  const share = (isMeant: (time: { hour: number; weekday: number }) => boolean) => shareOf((times ??= events.map(({ occurredAt }) => calendar.at(occurredAt))), isMeant);
  return (kind, about) => {
    switch (kind) {
      case 'weekday':
        return share(({ weekday }) => weekday === Number(about));
      case 'weekend':
        return share(({ weekday }) => weekday >= SATURDAY);
      case 'morning':
        return share(({ hour }) => hour < NOON);
      case 'evening':
        return share(({ hour }) => hour >= EVENING);
      default:
        return undefined;
    }
  };
}

function shareOf<Of>(all: readonly Of[], isMeant: (one: Of) => boolean): number | undefined;
function shareOf<Of>(all: readonly Of[], isMeant: (one: Of) => boolean, ofNone: number): number;
function shareOf<Of>(all: readonly Of[], isMeant: (one: Of) => boolean, ofNone?: number): number | undefined {
  return all.length === 0 ? ofNone : all.filter(isMeant).length / all.length;
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The standard deviation of gaps beside their mean. */
function unevennessOf(gaps: readonly number[]): number | undefined {
  const mean = meanOf(gaps) ?? 0;
  return mean === 0 ? undefined : Math.sqrt(meanOf(gaps.map((gap) => (gap - mean) ** 2)) ?? 0) / mean;
}

/** Figures that span magnitudes are compared by their magnitude. */
function scaled(value: number): number {
  return Math.sign(value) * Math.log1p(Math.abs(value));
}
