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

  it('is refused with the name of the field and what it may be', () => {
    const refused = (): unknown => checkedSpec(worker.TrainingSpec.fromPartial({ precision: 'int4' }));
    expect(refused).toThrow(RpcError);
    expect(refused).toThrow(/precision: .*float32.*bfloat16/);
  });

  it.each([
    [{ encoder: 'lstm' }, /encoder: must be one of decayed_sum, gru, gated_linear, transformer\./],
    [{ width: 3 }, /width: must be 0 \(chosen\) or 4 to 1024\./],
    [{ keepProperties: ['email', 'channel'], leaveOutProperties: ['channel'] }, /leaveOutProperties: channel cannot be in keepProperties too\./],
    [{ segmentCount: 65 }, /segmentCount: must be 0 \(chosen\) or 2 to 64\./],
  ])('refuses %j at once, not when the run has begun', (spec, said) => {
    expect(() => checkedSpec(worker.TrainingSpec.fromPartial(spec))).toThrow(said);
  });
});
