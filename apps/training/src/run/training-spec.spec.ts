import { worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { checkedSpec } from './training-spec.js';

describe('the spec of a run', () => {
  it('leaves to the worker what nothing is said of', () => {
    expect(checkedSpec(undefined)).toEqual(worker.TrainingSpec.fromPartial({}));
  });

  it('keeps the precision that is asked for', () => {
    expect(checkedSpec(worker.TrainingSpec.fromPartial({ precision: 'bfloat16' })).precision).toBe('bfloat16');
  });

  it('keeps every field, and what is stored of it says the same', () => {
    const spec: Required<worker.TrainingSpec> = {
      encoder: 'gru', objectives: [{ name: 'horizon', weight: 1 }], width: 32, epochs: 2, batchSize: 64, learningRate: 0.01, horizonDays: [30], halfLifeDays: [7], segmentCount: 5,
      sampleFraction: 0.5, seed: 3, mainEvents: ['Order Completed'], valueProperty: 'revenue', keepLeaks: true, keepProperties: ['coupon'], leaveOutProperties: ['gender'],
      itemField: 'products.sku', precision: 'float32', continuedEpochs: 0, continuedLearningRate: 0.001, surprise: 0, reads: 6, heldOut: 0, itemDropout: 0, dropout: 0,
    };
    expect(checkedSpec(spec)).toEqual(spec);
    expect(worker.TrainingSpec.fromJSON(worker.TrainingSpec.toJSON(spec))).toEqual(spec);
  });

  it('is refused with the name of the field and what it may be', () => {
    const refused = (): unknown => checkedSpec(worker.TrainingSpec.fromPartial({ precision: 'int4' }));
    expect(refused).toThrow(RpcError);
    expect(refused).toThrow(/precision: .*float32.*bfloat16/);
  });

  it.each([
    [{ width: 3 }, /width: must be 0 \(chosen\) or 4 to 1024\./],
    [{ keepProperties: ['email', 'channel'], leaveOutProperties: ['channel'] }, /leaveOutProperties: channel cannot be in keepProperties too\./],
    [{ sampleFraction: 2 }, /sampleFraction: must lie between 0 and 1\./],
    [{ epochs: 0.5 }, /epochs: must be a whole number\./],
    [{ reads: 257 }, /reads: must lie between 0 and 256\./],
    [{ heldOut: 0.6 }, /heldOut: must lie between 0 and 0\.5\./],
    [{ dropout: 1 }, /dropout: must lie between 0 and 0\.9\./],
    [{ itemDropout: -0.1 }, /itemDropout: must lie between 0 and 0\.9\./],
    [{ surprise: 11 }, /surprise: must lie between 0 and 10\./],
    [{ continuedEpochs: 1_001 }, /continuedEpochs: must lie between 0 and 1000\./],
    [{ continuedLearningRate: 2 }, /continuedLearningRate: must lie between 0 and 1\./],
    [{ halfLifeDays: [7, -1] }, /halfLifeDays\.1: must be a second \(1\/86400\) at least\./],
    [{ horizonDays: [1e-9] }, /horizonDays\.0: must be a second \(1\/86400\) at least\./],
    [{ mainEvents: ['\0'] }, /mainEvents\.0: holds a character that cannot be stored\./],
    [{ itemField: '\ud800' }, /itemField: holds a character that cannot be stored\./],
    [{ mainEvents: [''] }, /mainEvents\.0: must not be empty\./],
    [{ mainEvents: Array.from({ length: 9 }, (_, at) => `Event ${at}`) }, /mainEvents: may name 8 at most\./],
    [{ mainEvents: ['Order Completed', 'Order Completed'] }, /mainEvents: each may be named once\./],
    [{ objectives: [{ name: 'order', weight: 0 }] }, /objectives\.0\.weight: must lie above 0\./],
    [{ segmentCount: 65 }, /segmentCount: must be 0 \(chosen\) or 2 to 64\./],
    [{ horizonDays: [30, 90, 30] }, /horizonDays: each may be named once\./],
    [{ objectives: [{ name: 'order', weight: 1 }, { name: 'order', weight: 2 }] }, /objectives: each may be named once\./],
  ])('refuses %j at once, not when the run has begun', (spec, said) => {
    expect(() => checkedSpec(worker.TrainingSpec.fromPartial(spec))).toThrow(said);
  });
});
