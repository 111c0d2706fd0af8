import { jest } from '@jest/globals';

import type { ChangeSignal } from '../change/change.signal.js';
import type { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { Drawings } from './drawings.js';
import type { SegmentList, SegmentRepository } from './segment.repository.js';

const NOBODY: SegmentList = { segments: [], modelId: '', placed: 0, unseen: 0, newestEventAt: null, readAt: null };

/** Drawings over reads whose end a test decides on. */
function drawingsOver() {
  const reads: PromiseWithResolvers<SegmentList>[] = [];
  const changes = { raised: 0, seen: () => changes.raised };
  const list = () => {
    const read = Promise.withResolvers<SegmentList>();
    reads.push(read);
    return read.promise;
  };
  const drawings = new Drawings(
    { list } as unknown as SegmentRepository,
    { asOf: async () => '2026-01-01T00:00:00.000Z' } as unknown as WorkspaceDirectory,
    changes as unknown as ChangeSignal,
  );
  return { reads, changes, placed: async () => (await drawings.now('w')).basis.placed };
}

beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

test('what is asked for all the time is read anew before it is too old, and nobody waits for that', async () => {
  const { reads, placed } = drawingsOver();
  const first = placed();
  reads[0]?.resolve({ ...NOBODY, placed: 1 });
  expect(await first).toBe(1);
  jest.advanceTimersByTime(400);
  expect(await placed()).toBe(1);
  expect(await placed()).toBe(1);
  expect(reads).toHaveLength(2);
  reads[1]?.resolve({ ...NOBODY, placed: 2 });
  jest.advanceTimersByTime(100);
  expect(await placed()).toBe(2);
  expect(reads).toHaveLength(2);
});

test('what nobody asked for in between, and what somebody moved in, is read for who asks', async () => {
  const { reads, changes, placed } = drawingsOver();
  void placed();
  jest.advanceTimersByTime(500);
  void placed();
  expect(reads).toHaveLength(2);
  changes.raised += 1;
  void placed();
  expect(reads).toHaveLength(3);
});

test('what could not be read is read again', async () => {
  const { reads, placed } = drawingsOver();
  const first = placed();
  reads[0]?.resolve(NOBODY);
  await first;
  jest.advanceTimersByTime(400);
  await placed();
  reads[1]?.reject(new Error('Postgres is away'));
  await new Promise((resolve) => setImmediate(resolve));
  await placed();
  expect(reads).toHaveLength(3);
  jest.advanceTimersByTime(100);
  const waiting = placed();
  reads[2]?.reject(new Error('Postgres is away'));
  await expect(waiting).rejects.toThrow('Postgres is away');
  await new Promise((resolve) => setImmediate(resolve));
  void placed();
  expect(reads).toHaveLength(4);
});
