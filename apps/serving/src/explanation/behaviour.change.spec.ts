import { explanation, type worker } from '#libs/contracts';

import type { Scorer } from '../scoring/scorer.js';
import { changesOf, TRIED } from './behaviour.change.js';

const { DO, WAIT } = explanation.BehaviourChangeKind;
const DAY = 86_400_000_000;
const NOW = 1_000 * DAY;
const SEGMENTS = new Map([[0, 'here'], [1, 'there']]);
const event = (name: string, at: number): worker.ScoreEvent => ({ name, occurredAt: at, properties: Buffer.alloc(0) });
const HISTORY = { state: Buffer.alloc(0), older: [], latest: [event('View', NOW - 9 * DAY), event('Cart', NOW - 8 * DAY), event('Order', NOW - 7 * DAY)], readAt: NOW };

/** A model to which a customer moves once `moves` says so of what they did, in order. */
function scorerOf(moves: (names: string[], readAt: number) => boolean): Scorer & { readonly asked: number } {
  const scorer = {
    asked: 0,
    score: (customers: readonly worker.CustomerScoreRequest[]) => {
      scorer.asked += customers.length;
      const answers = customers.map(({ customerId, events, readAt }) => ({
        customerId, segmentIndex: moves(events.map(({ name }) => name), readAt) ? 1 : 0, strength: 0.9, state: Buffer.alloc(0), embedding: Buffer.alloc(0), error: '', rebuild: false,
      }));
      return Promise.resolve({ customers: answers } as never);
    },
    close: () => undefined,
  };
  return scorer as unknown as Scorer & { readonly asked: number };
}
const count = (names: readonly string[], name: string) => names.filter((one) => one === name).length;
const changes = (moves: Parameters<typeof scorerOf>[0]) => changesOf(scorerOf(moves), HISTORY, 0, [], SEGMENTS);

test('the least of an event that moves is found, however many that are within reach', async () => {
  expect(await changes((names) => count(names, 'Order') > 20)).toEqual([{ kind: DO, event: 'Order', thenEvent: '', times: 21, days: 0, segmentId: 'there', strength: 0.9 }]);
});

test('waiting is told beside what could be done', async () => {
  const found = await changes((names, readAt) => count(names, 'Cart') >= 3 || readAt >= NOW + 30 * DAY);
  expect(found).toMatchObject([{ kind: DO, event: 'Cart', times: 2 }, { kind: WAIT, days: 30 }]);
});

test('where no event alone moves, one after another is tried', async () => {
  const follows = (names: readonly string[]) => count(names, 'Cart') > 1 && count(names, 'View') > 1 && names.some((name, at) => name === 'Cart' && names[at + 1] === 'View');
  expect(await changes(follows)).toMatchObject([{ kind: DO, event: 'Cart', thenEvent: 'View', times: 1 }]);
});

test('where nothing moves there is nothing, and no pair is asked for where an event alone does', async () => {
  expect(await changes(() => false)).toEqual([]);
  expect(TRIED).toEqual({ mostTimes: 34, mostDays: 365 });
  const scorer = scorerOf((names) => count(names, 'View') > 1);
  await changesOf(scorer, HISTORY, 0, [], SEGMENTS);
  expect(scorer.asked).toBe(3 * 8 + 7);
});
