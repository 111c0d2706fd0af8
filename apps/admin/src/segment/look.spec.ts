import { looksOf } from './look';

const ids = Array.from({ length: 32 }, (_, at) => `segment-${String(at).padStart(2, '0')}`);

describe('the look of segments', () => {
  it('differs for each of the first 32', () => {
    const looks = [...looksOf(ids).values()].map(({ colour, shape }) => `${colour} ${shape}`);
    expect(new Set(looks).size).toBe(32);
  });

  it('does not depend on the order they come in', () => {
    expect(looksOf([...ids].reverse()).get('segment-05')).toEqual(looksOf(ids).get('segment-05'));
  });

  it('stays when a later segment is born', () => {
    expect(looksOf([...ids, 'segment-99']).get('segment-31')).toEqual(looksOf(ids).get('segment-31'));
  });

  it('is another one for segments that stand beside others', () => {
    const main = looksOf(['a', 'b', 'c']);
    const beside = looksOf(['d', 'e'], main.size);
    expect(new Set([...main.values(), ...beside.values()].map(({ colour, shape }) => `${colour} ${shape}`)).size).toBe(5);
  });
});
