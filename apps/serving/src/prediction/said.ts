/** What a head says: a probability, or a number with the ends of its interval. */
export interface Said {
  /** 0..1 where there is no interval. */
  readonly value: number;
  /** Null of a probability, as `high`. */
  readonly low: number | null;
  readonly high: number | null;
}
