/** Partitions of each workspace's customers: as many replicas can share one workspace's work. */
export const PARTITIONS = 8;

/** In which partition a customer is; as `serving.partition_of` in Postgres. */
export function partitionOf(customerId: string): number {
  return Number.parseInt(customerId.slice(-2), 16) & (PARTITIONS - 1);
}

/** A partition that this process may write, until somebody else has a later epoch of it. */
export interface Lease {
  readonly partition: number;
  readonly epoch: number;
}
