import { compare, subjectName, type Measure } from './measures';

const measure = (name: string, subject: string, value: number, isBaseline = false): Measure => ({ name, subject, value, deviation: 0, isBaseline });

describe('the measures of a model', () => {
  it('stand beside those of its rivals, and the best is named even where it is a rival', () => {
    const [auc] = compare([measure('auc', 'rfm', 0.76, true), measure('auc', 'embedding', 0.801), measure('auc', 'aggregates', 0.8085, true), measure('auc', 'forecast', 0.805)]);
    expect(auc?.measures.map(({ subject }) => subject)).toEqual(['forecast', 'embedding', 'aggregates', 'rfm']);
    expect(auc?.best?.subject).toBe('aggregates');
  });

  it('prefer the smaller error', () => {
    const [ece] = compare([measure('ece', 'segments', 0.03), measure('ece', 'rfm', 0.09, true)]);
    expect(ece?.best?.subject).toBe('segments');
  });

  it('name no best where there is nothing to compare with', () => {
    expect(compare([measure('ari', 'segments', 0.93)])[0]?.best).toBeUndefined();
    expect(compare([measure('ece', 'forecast', 0.29), measure('ece', 'strength', 0.02)])[0]?.best).toBeUndefined();
    expect(compare([measure('smallest_share', 'segments', 0.04), measure('smallest_share', 'rfm', 0.05, true)])[0]?.best).toBeUndefined();
  });

  it('draw no bar of what is a number of things', () => {
    expect(compare([measure('foreseen', 'forecast', 0)])[0]).toMatchObject({ name: 'Foreseen', isShare: false });
  });

  it('are called by words, also those that nothing is known of here', () => {
    expect(compare([measure('events_seen', 'segments', 3), measure('ece', 'forecast', 0.1)]).map(({ name, isShare }) => [name, isShare])).toEqual([
      ['events seen', false],
      ['Calibration error', false],
    ]);
    expect(subjectName('aggregates+embedding')).toBe('aggregates and embedding');
  });
});
