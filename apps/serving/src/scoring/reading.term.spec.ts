import { ReadingTerm } from './reading.term.js';
import type { Place } from './scoring.repository.js';
import type { HeldState } from './state.repository.js';

const at = (sequence: number): Place => ({ position: { horizon: 1, sequence }, mapping: { horizon: 0, sequence: 0 } });
const state = (customerId: string, events: number) => ({ customerId, events }) as HeldState;

function term(...sequences: number[]): ReadingTerm {
  const kept = new Map<string, HeldState>();
  const served = { modelId: 'm', uri: '', hash: '', fence: 1, newestEventAt: null, erasures: 0 };
  return new ReadingTerm(
    { served, places: new Map(sequences.map((sequence, partition) => [partition, at(sequence)])) },
    {
      leases: [],
      segments: new Map(),
      scorer: { score: () => Promise.reject(new Error('nobody is scored here')), close: () => undefined },
      states: { get: (id) => kept.get(id), set: (held) => kept.set(held.customerId, held), drop: (id) => kept.delete(id) },
    },
  );
}

test('partitions that lie behind are read up to the next ones, then all go on in step', () => {
  const one = term(10, 30, 10, 20);
  expect(one.span).toEqual({ after: at(10).position, upTo: at(20).position, partitions: [0, 2] });
  one.advance(one.span.partitions, { position: at(20).position });
  expect(one.span).toEqual({ after: at(20).position, upTo: at(30).position, partitions: [0, 2, 3] });
  one.advance(one.span.partitions, { position: at(30).position });
  expect(one.span).toEqual({ after: at(30).position, upTo: undefined, partitions: [0, 1, 2, 3] });
});

test('a batch says for each partition from where it goes on, so that it is void where somebody else did', () => {
  const one = term(10, 10);
  expect(one.advance([1], { position: at(15).position })).toEqual([{ partition: 1, from: at(10), to: at(15) }]);
  expect(one.advance([1], { mapping: at(3).position })).toEqual([{ partition: 1, from: at(15), to: { position: at(15).position, mapping: at(3).position } }]);
});

test('a state that is being committed is the one that the next batch begins from, and stays known after it', () => {
  const one = term(10);
  one.handOver([state('a', 1)], [], Promise.resolve());
  expect(one.held('a')).toMatchObject({ events: 1 });
  one.handOver([state('b', 5)], [], Promise.resolve());
  expect([one.held('a')?.events, one.held('b')?.events]).toEqual([1, 5]);
  one.handOver([], ['a'], Promise.resolve());
  expect(one.held('a')).toBeUndefined();
});
