import { lateAmong, twinsAmong } from './migration-stamps.ts';

const BEFORE = ['20260101000000_first', '20260301000000_second'];

test('a stamp is one migration\'s alone', () => {
  expect(twinsAmong([...BEFORE, '20260401000000_third'])).toEqual([]);
  expect(twinsAmong([...BEFORE, '20260301000000_also'])).toEqual(['20260301000000_also and 20260301000000_second share a stamp']);
  expect(twinsAmong(['first'])).toEqual(['first does not begin with a stamp (YYYYMMDDhhmmss_)']);
});

test('a new migration comes behind those that there were', () => {
  expect(lateAmong([...BEFORE, '20260401000000_third'], BEFORE)).toEqual([]);
  expect(lateAmong([...BEFORE, '20260201000000_between', '20260301000000_also'], BEFORE)).toEqual([
    '20260201000000_between is new and not later than 20260301000000', '20260301000000_also is new and not later than 20260301000000',
  ]);
  expect(lateAmong(BEFORE, [])).toEqual([]);
});
