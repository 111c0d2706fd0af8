import { worker } from '#libs/contracts';

import { continuedSegments, KEPT_FROM, settleNames } from './segment.matching.js';

const overlap = (championIndex: number, jaccard: number, matched = true): worker.SegmentOverlap => ({
  championIndex, jaccard, matched, shareOfNew: jaccard, shareOfChampion: jaccard,
});
const drawn = (index: number, ...overlaps: worker.SegmentOverlap[]): worker.DiscoveredSegment => ({
  index, name: `s${index}`, description: '', size: 1, share: 1, stability: 1, traits: [], typicalCustomerIds: [], overlaps, level: worker.SegmentLevel.MAIN, rule: undefined,
});
const champion = new Map([[0, 'a'], [1, 'b']]);

test('a segment that is matched and overlaps enough keeps the id', () => {
  expect(continuedSegments([drawn(0, overlap(1, 0.9))], champion)).toEqual(new Map([[0, 'b']]));
});

test('overlap alone is not enough, and matching alone neither', () => {
  expect(continuedSegments([drawn(0, overlap(0, 0.9, false)), drawn(1, overlap(1, KEPT_FROM - 0.01))], champion)).toEqual(new Map());
});

test('no two segments ever share an id, whoever claims it; the larger overlap has it', () => {
  const continued = continuedSegments([drawn(0, overlap(0, 0.5)), drawn(1, overlap(0, 0.6))], champion);
  expect(continued).toEqual(new Map([[1, 'a']]));
});

test('a champion segment that serving never knew gives no id', () => {
  expect(continuedSegments([drawn(0, overlap(7, 0.9))], champion)).toEqual(new Map());
});

test("a person's name stands, and the model's own gives way, whatever the case", () => {
  const names = settleNames(
    [
      { id: 'a', name: 'Loyal', givenName: null },
      { id: 'b', name: 'Big spenders', givenName: 'loyal' },
      { id: 'c', name: 'LOYAL', givenName: null },
      { id: 'd', name: 'VIP', givenName: null },
    ],
    ['vip'],
  );
  expect(Object.fromEntries(names)).toEqual({ b: 'loyal', a: 'Loyal (2)', c: 'LOYAL (3)', d: 'VIP (2)' });
});
