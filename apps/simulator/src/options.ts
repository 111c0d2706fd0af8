export const DAY = 86_400_000;
export const HOUR = 3_600_000;
export const MINUTE = 60_000;
/** Mean month, in ms. */
export const MONTH = 30.44 * DAY;

export interface ShopOptions {
  seed: number;
  customers: number;
  /** Length of the history. */
  months: number;
  /** End of the history, ms since 1970. */
  until: number;
  /** Share of customers who follow no behaviour, or two: half noise, half mixtures. */
  noise: number;
  /** Share of visits of the planted customers that follow no behaviour. */
  clutter: number;
  /** Share of customers with one planted anomaly. */
  anomalies: number;
  /** From when behaviours shift and a new one is born, ms since 1970; null: never. */
  drift: number | null;
  /** Share of the customers present at the drift who change their behaviour then. */
  driftShare: number;
}

export const DEFAULTS: Omit<ShopOptions, 'until'> = {
  seed: 1,
  customers: 2000,
  months: 18,
  noise: 0.15,
  clutter: 0.1,
  anomalies: 0,
  drift: null,
  driftShare: 0.3,
};

/** Fills in what is left out; the history ends now unless told otherwise. */
export function shopOptions(given: Partial<ShopOptions> = {}): ShopOptions {
  const options = { ...DEFAULTS, until: Date.now(), ...given };
  const wrong = complaint(options);
  if (wrong !== null) throw new RangeError(wrong);
  return options;
}

function complaint(options: ShopOptions): string | null {
  if (!Number.isSafeInteger(options.seed)) return `seed must be a whole number, not ${options.seed}`;
  if (!Number.isSafeInteger(options.customers) || options.customers < 1) {
    return `customers must be a whole number of at least 1, not ${options.customers}`;
  }
  if (!(options.months > 0)) return `months must be above 0, not ${options.months}`;
  if (!Number.isFinite(options.until)) return 'until is not a time';
  for (const share of ['noise', 'clutter', 'anomalies', 'driftShare'] as const) {
    if (!(options[share] >= 0 && options[share] <= 1)) return `${share} must lie between 0 and 1, not ${options[share]}`;
  }
  return null;
}
