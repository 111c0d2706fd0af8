// Figures as people read them. One locale, so that every place shows the same number the same way.
const LOCALE = 'en-GB';
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });

export const NONE = '–';

/** 5942 -> "5,942". */
export function count(value: number): string {
  return whole.format(value);
}

/** 1044847 -> "1M"; for axes and rates. */
export function shortCount(value: number): string {
  return compact.format(value);
}

/** "1 customer", "5,942 customers". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** 1234567 -> "1.2 MB". */
export function bytesInWords(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const size = bytes / 1000 ** power;
  return new Intl.NumberFormat(LOCALE, { style: 'unit', unit: UNITS[power] ?? 'byte', maximumFractionDigits: size < 10 ? 1 : 0 }).format(size);
}

/** A share of 0..1 in percent: one decimal below ten and near a hundred, and never "0 %" for something that is there, nor "100 %" for what is not all. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  if (value > 99.9 && value < 100) return '> 99.9 %';
  const decimals = (value >= 10 && value < 99.5) || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(decimals)} %`;
}

/** A figure of unknown size: enough digits to tell two apart, no more. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return whole.format(value);
  if (size >= 100 || value === 0) return value.toFixed(0);
  if (size >= 10) return String(Number(value.toFixed(1)));
  if (size >= 0.01) return String(Number(value.toFixed(2)));
  return value.toExponential(1);
}

/** A measure such as an AUC: three decimals, without the leading zero it does not need. */
export function measure(value: number): string {
  return Math.abs(value) <= 1 ? value.toFixed(3) : figure(value);
}

/** A small difference, to the thousandth; one that is none has no sign. */
export function thousandths(value: number): string {
  return (Math.round(value * 1000) / 1000 + 0).toFixed(3);
}

/** A lift as a factor: "3.1×", "0.25×". */
export function factor(lift: number): string {
  const digits = lift >= 10 ? 0 : lift >= 1 ? 1 : 2;
  return `${lift.toFixed(digits)}×`;
}

/** What a lift means, in words: 3.1 -> "3.1 times the others", .25 -> "75 % less than others". */
export function liftInWords(lift: number): string {
  if (!Number.isFinite(lift) || lift < 0) return 'only here';
  if (lift === 0) return 'not at all';
  if (lift >= 1.95) return `${factor(lift).slice(0, -1)} times the others`;
  if (lift > 1.05) return `${percentDifference(lift - 1)} more than others`;
  if (lift >= 0.95) return 'about like others';
  return `${percentDifference(1 - lift)} less than others`;
}

function percentDifference(difference: number): string {
  return `${Math.round(difference * 100)} %`;
}

/** Where a lift lies on a scale that treats 4× and ¼× alike: -1..1, with 0 for no difference. */
export function liftPosition(lift: number, widest = 8): number {
  if (lift <= 0) return -1;
  const position = Math.log(lift) / Math.log(widest);
  return Math.max(-1, Math.min(1, position));
}
