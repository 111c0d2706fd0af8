import { anomalyOf } from './anomaly.js';
import { momentsOf } from './moments.js';
import { MINUTE, type ShopOptions } from './options.js';
import { profileOf, type Profile } from './profile.js';
import { drawsOf } from './random.js';
import type { Properties, SegmentCall } from './segment-call.js';
import { propertiesOf } from './properties.js';

export interface TimedCall {
  time: number;
  call: SegmentCall;
}

/** The calls that a customer's life gives rise to, in time order and without end. */
export function* callsOf(index: number, options: ShopOptions): Generator<TimedCall, never> {
  const profile = profileOf(index, options);
  yield* arrivalOf(profile, options);
  const lived = trackCalls(profile, options);
  let next = lived.next().value;
  for (const strange of strangeCalls(profile, options)) {
    for (; next.time <= strange.time; next = lived.next().value) yield next;
    yield strange;
  }
  for (; ; next = lived.next().value) yield next;
}

function* arrivalOf(profile: Profile, options: ShopOptions): Generator<TimedCall, void> {
  const { start, userId, traits } = profile;
  const anonymousId = `visitor-${options.seed}-${profile.index}`;
  if (profile.hasAnonymousStart) {
    const time = start - 5 * MINUTE;
    const properties = { path: '/', title: 'Home' };
    const call = {
      type: 'page',
      messageId: idOf(options, profile, 'page'),
      timestamp: iso(time),
      anonymousId,
      name: 'Home',
      properties,
    } as const;
    yield { time, call };
  }
  const identify = {
    type: 'identify',
    messageId: idOf(options, profile, 'identify'),
    timestamp: iso(start),
    userId,
    traits,
  } as const;
  yield { time: start, call: profile.hasAnonymousStart ? { ...identify, anonymousId } : identify };
}

function* trackCalls(profile: Profile, options: ShopOptions): Generator<TimedCall, never> {
  const draws = drawsOf(options.seed, profile.index, 'properties');
  let number = 0;
  for (const moment of momentsOf(profile, options)) {
    const messageId = idOf(options, profile, String(number));
    number += 1;
    const properties = propertiesOf(moment, messageId, profile.spend, draws);
    yield tracked(profile.userId, moment.time, moment.event, messageId, properties);
  }
  throw new Error('A life without end has ended');
}

function strangeCalls(profile: Profile, options: ShopOptions): TimedCall[] {
  const moments = anomalyOf(profile, options)?.moments ?? [];
  return moments.map(({ time, event, properties }, place) =>
    tracked(profile.userId, time, event, idOf(options, profile, `strange-${place}`), properties),
  );
}

function tracked(userId: string, time: number, event: string, messageId: string, properties: Properties): TimedCall {
  return { time, call: { type: 'track', messageId, timestamp: iso(time), userId, event, properties } };
}

function idOf(options: ShopOptions, profile: Profile, place: string): string {
  return `sim-${options.seed}-${profile.index}-${place}`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
