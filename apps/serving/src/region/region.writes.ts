import type { PoolClient } from 'pg';

import { cross, type Crossing } from '../definition/member.writes.js';
import { closeness, isInside, type Region, vectorOf } from './region.js';

/** A region as it is stored. */
export interface RegionRow extends Omit<Region, 'points' | 'crowd'> {
  readonly segmentId: string;
  readonly threshold: number;
  readonly points: Buffer;
  readonly crowd: Buffer;
}

interface Read {
  readonly customerId: string;
  readonly embedding: Buffer;
}

export const REGION_COLUMNS = `segment_id as "segmentId", threshold, width, points, crowd, reach, densest, usual`;
const REGIONS = `select ${REGION_COLUMNS} from serving.segment_regions where model_id = $1`;
const MEMBERS = `select segment_id as "segmentId", customer_id as "customerId" from serving.memberships
  where segment_id = any($1::uuid[]) and customer_id = any($2::uuid[]) and until is null`;

/** In the transaction that writes states; after the lock of memberships, so that none is missed that was drawn before. */
export async function regionsOf(client: PoolClient, modelId: string): Promise<RegionRow[]> {
  return (await client.query<RegionRow>({ name: 'regions', text: REGIONS, values: [modelId] })).rows;
}

/** Brings customers who were read into the regions that they are close to now, and out of others. Answers who crossed; what is told of it follows, see `tellCrossings`. */
export async function crossRegions(
  client: PoolClient,
  regions: readonly RegionRow[],
  { states, gone, now, isAnew = false, isByPromotion = false }: { states: readonly Read[]; gone: readonly string[]; now: string; isAnew?: boolean; isByPromotion?: boolean },
): Promise<Crossing[]> {
  if (regions.length === 0 || states.length + gone.length === 0) return [];
  const { rows } = await client.query<{ segmentId: string; customerId: string }>(MEMBERS, [
    regions.map(({ segmentId }) => segmentId), [...states.map(({ customerId }) => customerId), ...gone],
  ]);
  const members = Map.groupBy(rows, ({ segmentId }) => segmentId);
  const vectors = states.map(({ customerId, embedding }) => ({ customerId, vector: vectorOf(embedding) }));
  const crossings: Crossing[] = [];
  for (const region of regions) {
    const are = new Set(members.get(region.segmentId)?.map(({ customerId }) => customerId));
    const drawn = regionOf(region);
    const crosses = (customerId: string, enters: boolean) => crossings.push({ segmentId: region.segmentId, customerId, enters, isByPromotion });
    for (const id of gone) if (are.has(id)) crosses(id, false);
    for (const { customerId, vector } of vectors) {
      const isMember = are.has(customerId);
      // Drawn anew, its border is where it was said to be.
      const isIn = vector.length === region.width && isInside(closeness(drawn, vector), region.threshold, isMember && !isAnew);
      if (isIn !== isMember) crosses(customerId, isIn);
    }
  }
  await cross(client, crossings, now);
  return crossings;
}

export function regionOf(row: RegionRow): Region {
  return { ...row, points: vectorOf(row.points), crowd: vectorOf(row.crowd) };
}
