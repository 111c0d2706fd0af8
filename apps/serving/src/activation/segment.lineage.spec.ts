import { lineageOf } from './segment.lineage.js';

const stepsOf = (former: string[], next: string[], flows: [string | null, string | null, number][]) =>
  lineageOf(new Set(former), new Set(next), flows.map(([from, to, customers]) => ({ from, to, customers }))).map(
    ({ segmentId, kind, relatedSegmentIds, overlap }) => [segmentId, kind, relatedSegmentIds.join(), overlap],
  );

test('with nothing before, every segment is born', () => {
  expect(stepsOf([], ['a', 'b'], [[null, 'a', 5], [null, 'b', 5]])).toEqual([['a', 'BORN', '', 0], ['b', 'BORN', '', 0]]);
});

test('a segment that goes on is kept, with the overlap of its customers', () => {
  expect(stepsOf(['a'], ['a'], [['a', 'a', 6], ['a', null, 2], [null, 'a', 2]])).toEqual([['a', 'KEPT', '', 0.6]]);
});

test('a new segment whose customers mostly came from one was split off, and both say so', () => {
  expect(stepsOf(['a'], ['a', 'b'], [['a', 'a', 60], ['a', 'b', 40]])).toEqual([
    ['a', 'KEPT', '', 0.6],
    ['b', 'SPLIT', 'a', 0],
    ['a', 'SPLIT', 'b', 0.6],
  ]);
});

test('a new segment that takes most of two merged them, and they are retired into it', () => {
  expect(stepsOf(['a', 'b'], ['c'], [['a', 'c', 10], ['b', 'c', 10]])).toEqual([
    ['c', 'MERGED', 'a,b', 0],
    ['a', 'RETIRED', 'c', 0],
    ['b', 'RETIRED', 'c', 0],
  ]);
});

test('a segment that goes on and takes in another one merged it', () => {
  expect(stepsOf(['a', 'b'], ['a'], [['a', 'a', 10], ['b', 'a', 10]])).toEqual([
    ['a', 'KEPT', '', 0.5],
    ['a', 'MERGED', 'b', 0.5],
    ['b', 'RETIRED', 'a', 0],
  ]);
});

test('a new segment drawn from many is born', () => {
  expect(stepsOf(['a', 'b', 'c'], ['a', 'b', 'c', 'd'], [['a', 'a', 9], ['b', 'b', 9], ['c', 'c', 9], ['a', 'd', 1], ['b', 'd', 1], ['c', 'd', 1]])).toContainEqual(
    ['d', 'BORN', '', 0],
  );
});
