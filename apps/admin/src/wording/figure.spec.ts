import { bytesInWords, count, counted, factor, figure, liftInWords, liftPosition, percent, thousandths } from './figure';

describe('figures', () => {
  it('group thousands', () => {
    expect(count(1044847)).toBe('1,044,847');
    expect(counted(1, 'customer')).toBe('1 customer');
    expect(counted(5942, 'customer')).toBe('5,942 customers');
  });

  it('never show nothing for a share that is there, nor all for one that is not whole', () => {
    expect(percent(0)).toBe('0 %');
    expect(percent(0.0004)).toBe('< 0.1 %');
    expect(percent(0.0423)).toBe('4.2 %');
    expect(percent(0.315)).toBe('32 %');
    expect(percent(0.997)).toBe('99.7 %');
    expect(percent(0.9996)).toBe('> 99.9 %');
    expect(percent(1)).toBe('100 %');
  });

  it('say how large a file is in the unit that it fills', () => {
    expect([0, 999, 1_000, 1_234_567, 45_600_000_000].map(bytesInWords)).toEqual(['0 byte', '999 byte', '1 kB', '1.2 MB', '46 GB']);
  });

  it('keep the digits that tell two of them apart', () => {
    expect([0, 0.0004, 0.0312, 0.5, 4.56, 18.37, 412.4, 18374].map(figure)).toEqual(['0', '4.0e-4', '0.03', '0.5', '4.56', '18.4', '412', '18,374']);
  });
});

test('a difference that is none has no sign', () => {
  expect([0.0124, -0.0124, -0.0003, -0].map(thousandths)).toEqual(['0.012', '-0.012', '0.000', '0.000']);
});

describe('a lift', () => {
  it('reads as a factor', () => {
    expect([0.25, 3.14, 12.4].map(factor)).toEqual(['0.25×', '3.1×', '12×']);
  });

  it('reads as a comparison with the others', () => {
    expect(liftInWords(3.1)).toBe('3.1 times the others');
    expect(liftInWords(1.4)).toBe('40 % more than others');
    expect(liftInWords(1.01)).toBe('about like others');
    expect(liftInWords(0.25)).toBe('75 % less than others');
    expect(liftInWords(0)).toBe('not at all');
    expect(liftInWords(Number.POSITIVE_INFINITY)).toBe('only here');
  });

  it('lies as far to the right for four times as to the left for a quarter', () => {
    expect(liftPosition(4)).toBeCloseTo(-liftPosition(0.25));
    expect(liftPosition(1)).toBe(0);
    expect(liftPosition(1000)).toBe(1);
    expect(liftPosition(0)).toBe(-1);
  });
});
