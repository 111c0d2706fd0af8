/** What keeps a shared device or a placeholder that many events carry from drawing half of a workspace into one customer. */
export interface IdentityLimits {
  /** Ids of one customer; a meeting that would bring more joins nobody. */
  readonly maxSubjects: number;
  /** Merges into one customer on one day, by the time of the events. */
  readonly maxMergesPerDay: number;
}
