import { type Crossing, type DrawnLevel, flowsOf, membersOf } from './segment.levels.js';
import { lineageOf } from './segment.lineage.js';

const drawn = (id: string, level: DrawnLevel['level'], parentId: string | null = null): DrawnLevel => ({ id, level, parentId });
const FORMER = [drawn('all', 'COARSER'), drawn('a', 'MAIN', 'all'), drawn('b', 'MAIN', 'all'), drawn('c', 'MAIN'), drawn('a1', 'FINER', 'a'), drawn('a2', 'FINER', 'a')];

const crossing = (from: string | null, to: string | null, customers: number, fromFiner: string | null = null, toFiner: string | null = null): Crossing => ({
  from, to, customers, fromFiner, toFiner,
});

describe('levels at a change of model', () => {
  it('a coarser segment is kept when its parts exchange customers', () => {
    const crossings = [crossing('a', 'b', 40), crossing('b', 'a', 60), crossing('c', 'c', 30)];
    const flows = flowsOf(crossings, 'COARSER', FORMER, FORMER);
    expect(lineageOf(membersOf(FORMER, 'COARSER'), membersOf(FORMER, 'COARSER'), flows)).toEqual([
      { segmentId: 'all', kind: 'KEPT', relatedSegmentIds: [], overlap: 1 },
    ]);
  });

  it('a part that the next model does not draw is retired, and the whole is kept', () => {
    const now = FORMER.filter(({ level }) => level !== 'FINER');
    const crossings = [crossing('a', 'a', 50, 'a1'), crossing('a', 'a', 50, 'a2'), crossing('b', 'b', 20), crossing('c', 'c', 30)];
    const stepsOn = (level: DrawnLevel['level']) => lineageOf(membersOf(FORMER, level), membersOf(now, level), flowsOf(crossings, level, FORMER, now));
    expect(stepsOn('FINER').map(({ segmentId, kind }) => [segmentId, kind])).toEqual([['a1', 'RETIRED'], ['a2', 'RETIRED']]);
    expect(stepsOn('MAIN').every(({ kind, overlap }) => kind === 'KEPT' && overlap === 1)).toBe(true);
  });

  it('whoever is in no segment of a level is nobody of it', () => {
    expect(flowsOf([crossing('c', 'c', 30)], 'COARSER', FORMER, FORMER)).toEqual([{ from: null, to: null, customers: 30 }]);
    expect(flowsOf([crossing(null, 'a', 3, null, 'a1')], 'FINER', FORMER, FORMER)).toEqual([{ from: null, to: 'a1', customers: 3 }]);
  });
});
