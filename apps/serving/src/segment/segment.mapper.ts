import { type counting, serving, worker } from '#libs/contracts';

import { isoOf } from '../time/micros.js';
import type { Counted, LineageRow, SegmentRow, VersionRow } from './segment.repository.js';

const KIND: Record<string, serving.SegmentKind> = {
  LEARNED: serving.SegmentKind.LEARNED,
  RULE: serving.SegmentKind.RULE,
  EXAMPLE: serving.SegmentKind.EXAMPLE,
  STATIC: serving.SegmentKind.STATIC,
};
const LINEAGE: Record<string, serving.LineageKind> = {
  BORN: serving.LineageKind.BORN,
  KEPT: serving.LineageKind.KEPT,
  SPLIT: serving.LineageKind.SPLIT,
  MERGED: serving.LineageKind.MERGED,
  RETIRED: serving.LineageKind.RETIRED,
};

const LEVEL = { COARSER: worker.SegmentLevel.COARSER, MAIN: worker.SegmentLevel.MAIN, FINER: worker.SegmentLevel.FINER } as const;

export function toBasis({ modelId, placed, unseen, newestEventAt }: Counted, asOf: string): counting.CountBasis {
  return { asOf, modelId, placed, unseen, newestEventAt: newestEventAt === null ? undefined : isoOf(newestEventAt) } satisfies counting.CountBasis;
}

export function toSegment(row: SegmentRow, { placed, unseen, asOf }: counting.CountBasis): serving.Segment {
  const read = placed + unseen;
  return {
    id: row.id,
    kind: KIND[row.kind] ?? serving.SegmentKind.UNSPECIFIED,
    name: row.name,
    description: row.description,
    size: row.size,
    share: read === 0 ? 0 : row.size / read,
    stability: row.stability ?? undefined,
    traits: row.traits ?? [],
    typicalCustomerIds: row.typicalCustomerIds ?? [],
    parentId: row.parentId ?? '',
    modelId: row.modelId ?? '',
    asOf,
    createdAt: row.createdAt.toISOString(),
    retiredAt: row.retiredAt?.toISOString(),
    lineage: row.lineage.map(toLineage),
    renamed: row.isRenamed,
    level: LEVEL[row.level ?? 'MAIN'],
    childIds: row.childIds,
    rule: row.rule ?? undefined,
  } satisfies serving.Segment;
}

/** All but what is most of a segment, and few ask for. */
export function briefly(segment: serving.Segment): serving.Segment {
  return { ...segment, traits: [], typicalCustomerIds: [], lineage: [], rule: undefined };
}

function toLineage(row: LineageRow): serving.SegmentLineage {
  return {
    kind: LINEAGE[row.kind] ?? serving.LineageKind.UNSPECIFIED,
    modelId: row.modelId,
    at: row.at.toISOString(),
    relatedSegmentIds: row.relatedSegmentIds,
    overlap: row.overlap,
  } satisfies serving.SegmentLineage;
}

export function toVersion(row: VersionRow): serving.SegmentVersion {
  return {
    modelId: row.modelId,
    name: row.name,
    description: row.description,
    sizeAtDiscovery: row.sizeAtDiscovery,
    stability: row.stability ?? undefined,
    createdAt: row.createdAt.toISOString(),
    traits: row.traits,
    rule: row.rule ?? undefined,
  } satisfies serving.SegmentVersion;
}
