import { setImmediate } from 'node:timers/promises';

import { decodeEvent } from './event.decoder.js';
import type { IntakeEvent, IntakeItem } from './event.js';
import { IntakeFullError, IntakeUnavailableError } from './event.failure.js';
import type { EventBatch, EventStore, StoredBatch } from './event.store.js';
import { EventWriter } from './event.writer.js';

const item = (messageId: string): IntakeItem =>
  decodeEvent({ type: 'track', event: 'e', userId: 'u', messageId }, { receivedAt: new Date(), maxBytes: 1_000 });
const idsOf = (events: readonly IntakeEvent[]) => events.map(({ messageId }) => messageId);

/** A store that notes its commits and asks before each. */
function storeThat(before: (batch: EventBatch) => Promise<void> | void) {
  const commits: EventBatch[] = [];
  const write = async (batch: EventBatch): Promise<StoredBatch> => {
    await before(batch);
    commits.push(batch);
    const isStored = batch.events.map(() => true);
    return { refused: new Map(), isStored, stored: isStored.length, duplicate: 0, rejected: batch.rejections.length };
  };
  return { store: { write } as unknown as EventStore, commits };
}

test('requests that arrive together share a commit, and each gets its own results', async () => {
  const { store, commits } = storeThat(() => undefined);
  const writer = new EventWriter(store, { maxPendingEvents: 100 });
  const [one, two] = await Promise.all([writer.submit('w', 'http', [item('a'), item('b')]), writer.submit('w', 'http', [item('c')])]);
  expect([one.length, two.length, commits.length]).toEqual([2, 1, 1]);
});

test('an event that the store refuses is quarantined alone', async () => {
  const { store, commits } = storeThat(({ events }) => {
    if (idsOf(events).includes('poison')) throw Object.assign(new Error('invalid input'), { code: '22P02' });
  });
  const writer = new EventWriter(store, { maxPendingEvents: 100 });
  const results = await writer.submit('w', 'http', ['a', 'b', 'poison', 'c', 'd'].map(item));
  expect(results.map(({ outcome }) => outcome)).toEqual(['STORED', 'STORED', 'REJECTED', 'STORED', 'STORED']);
  expect(commits.flatMap(({ rejections }) => rejections)).toMatchObject([{ messageId: 'poison', reason: 'STORE_REFUSED' }]);
});

test('above its bound the writer refuses at once, and takes again when there is room', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { store } = storeThat(() => held);
  const writer = new EventWriter(store, { maxPendingEvents: 2 });
  const first = writer.submit('w', 'http', [item('a'), item('b')]);
  await expect(writer.submit('w', 'http', [item('c')])).rejects.toBeInstanceOf(IntakeFullError);
  release();
  await first;
  await expect(writer.submit('w', 'http', [item('c')])).resolves.toHaveLength(1);
});

test('a second commit begins beside the first where many wait, and not for a few', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const begun: string[][] = [];
  let secondBegan: () => void = () => undefined;
  const second = new Promise<void>((resolve) => (secondBegan = resolve));
  const { store } = storeThat(({ events }) => {
    if (begun.push(idsOf(events)) === 2) secondBegan();
    return held;
  });
  const writer = new EventWriter(store, { maxPendingEvents: 100, maxCommitEvents: 8, waitMs: 0 });
  const sends = [writer.submit('w', 'http', [...'abcdefgh'].map(item)), writer.submit('w', 'http', [item('i')])];
  while (begun.length === 0) await setImmediate();
  sends.push(writer.submit('w', 'http', [item('j')]));
  await second;
  expect(begun).toEqual([[...'abcdefgh'], ['i', 'j']]);
  sends.push(writer.submit('w', 'http', [...'klmn'].map(item)));
  release();
  await Promise.all(sends);
  expect(begun.slice(2)).toEqual([['k', 'l', 'm', 'n']]);
});

test('a deadlock is tried again; a store that is away is told as such', async () => {
  let failures = 1;
  const { store } = storeThat(() => {
    if (failures-- > 0) throw Object.assign(new Error('deadlock'), { code: '40P01' });
  });
  const writer = new EventWriter(store, { maxPendingEvents: 10 });
  await expect(writer.submit('w', 'http', [item('a')])).resolves.toEqual([{ outcome: 'STORED' }]);
  const away = new EventWriter(storeThat(() => { throw new Error('ECONNREFUSED'); }).store, { maxPendingEvents: 10 });
  await expect(away.submit('w', 'http', [item('a')])).rejects.toBeInstanceOf(IntakeUnavailableError);
});
