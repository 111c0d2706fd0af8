import { draftOf, specOf } from './spec-draft';

const empty = draftOf();
const chosen = (asked: ReturnType<typeof specOf>): object => (typeof asked === 'string' ? { asked } : Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)));

describe('what is typed of a spec', () => {
  it('asks for nothing where nothing is typed', () => {
    expect(chosen(specOf(empty))).toEqual({});
  });

  it('is read as numbers, lists and names', () => {
    const draft = { ...empty, encoder: 'gru', objectives: { horizon: '1', order: ' 0.5 ', vicreg: '' }, horizonDays: '30, 90,', segmentCount: '8', mainEvents: 'Order Completed, Refunded', precision: 'bfloat16', keepLeaks: true, leaveOutProperties: 'gender, products.note' };
    expect(chosen(specOf(draft))).toEqual({
      encoder: 'gru',
      objectives: [{ name: 'horizon', weight: 1 }, { name: 'order', weight: 0.5 }],
      horizonDays: [30, 90],
      segmentCount: 8,
      mainEvents: ['Order Completed', 'Refunded'],
      precision: 'bfloat16',
      keepLeaks: true,
      leaveOutProperties: ['gender', 'products.note'],
    });
  });

  it('says which field is no number', () => {
    expect(specOf({ ...empty, horizonDays: '30, soon' })).toBe('Horizons: “soon” is not a number.');
  });

  it('stays what an earlier run was asked for', () => {
    const spec = {
      encoder: 'transformer', objectives: [{ name: 'horizon', weight: 2 }], width: 64, epochs: null, batchSize: null, learningRate: 0.001, horizonDays: [30], halfLifeDays: [],
      segmentCount: 6, sampleFraction: null, seed: 7, mainEvents: ['Order Completed'], valueProperty: 'revenue', itemField: null, precision: 'float32', keepLeaks: false,
      keepProperties: ['coupon', 'products.price'], leaveOutProperties: [],
      continuedEpochs: 0, continuedLearningRate: 0.001, surprise: 0, reads: 6, heldOut: 0, itemDropout: 0.1, dropout: 0,
    };
    const { epochs: _1, batchSize: _2, halfLifeDays: _3, sampleFraction: _4, itemField: _5, keepLeaks: _6, leaveOutProperties: _7, ...said } = spec;
    expect(chosen(specOf(draftOf(spec)))).toEqual(said);
  });
});
