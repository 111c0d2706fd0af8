import { draftOf, dropsMore, policyOf } from './policy';

const policy = (archiveAfterDays: number | null, dropAfterDays: number | null) => ({ archiveAfterDays, dropAfterDays });

describe('a retention policy', () => {
  it('is typed in days, and nothing is never', () => {
    expect(policyOf({ archiveAfterDays: ' 400 ', dropAfterDays: '' })).toEqual(policy(400, null));
    expect(policyOf(draftOf(policy(400, 1500)))).toEqual(policy(400, 1500));
    expect(policyOf(draftOf(policy(null, null)))).toEqual(policy(null, null));
    for (const days of ['soon', '1.5', '-3']) expect(policyOf({ archiveAfterDays: days, dropAfterDays: '' })).toBeUndefined();
  });

  it('drops more where it drops at all for the first time, or sooner', () => {
    expect(dropsMore(policy(30, null), policy(30, 400))).toBe(true);
    expect(dropsMore(policy(30, 400), policy(30, 399))).toBe(true);
    expect(dropsMore(policy(30, 400), policy(30, 400))).toBe(false);
    expect(dropsMore(policy(30, 400), policy(30, null))).toBe(false);
    expect(dropsMore(policy(30, null), policy(10, null))).toBe(false);
  });
});
