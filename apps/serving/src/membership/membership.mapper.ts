import type { serving } from '#libs/contracts';

import type { CustomerRow, MapRow, MemberRow, PlaceRow } from './membership.repository.js';

export function toMembership(row: PlaceRow): serving.Membership {
  return {
    segmentId: row.segmentId,
    strength: row.strength,
    since: row.since.toISOString(),
    modelId: row.modelId ?? '',
    decidedAt: row.decidedAt.toISOString(),
    finerSegmentId: row.finerSegmentId ?? '',
  } satisfies serving.Membership;
}

/** From a customer's rows, one per place; none at all while no model is served. */
export function toCustomer(customerId: string, rows: readonly CustomerRow[]): serving.CustomerMemberships {
  const reading = rows[0];
  return {
    customerId,
    memberships: rows.flatMap(({ segmentId, ...row }) => (segmentId === null ? [] : [toMembership({ ...row, segmentId })])),
    novelty: reading?.novelty ?? 0,
    known: reading !== undefined && reading.novelty !== null,
    mapX: reading?.mapX ?? 0,
    mapY: reading?.mapY ?? 0,
  } satisfies serving.CustomerMemberships;
}

export function toMember(row: MemberRow, cursor: string): serving.SegmentMember {
  return { customerId: row.customerId, membership: toMembership(row), cursor } satisfies serving.SegmentMember;
}

/** Whom a model that is not served places there belongs nowhere by it. */
export function toPlaced({ customerId }: { readonly customerId: string }, cursor: string): serving.SegmentMember {
  return { customerId, membership: undefined, cursor } satisfies serving.SegmentMember;
}

export function toPoint({ customerId, segmentId, mapX, mapY, strength }: MapRow): serving.MapPoint {
  return { customerId, segmentId: segmentId ?? '', x: mapX, y: mapY, strength } satisfies serving.MapPoint;
}
