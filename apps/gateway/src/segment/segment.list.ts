import type { CallerReads } from '../backend/caller.reads.js';
import { type Paging, readConnection } from '../graphql/connection.js';
import { type SegmentConnection, SegmentKind, SegmentLevel } from '../graphql/message.js';

export interface SegmentFilter {
  readonly kind?: SegmentKind | null | undefined;
  /** Empty: the champion. */
  readonly modelId: string;
  readonly asOf?: string | null | undefined;
  /** The main level, if left out. */
  readonly level?: SegmentLevel | null | undefined;
}

/** Segments, largest first, with what their counts are of. */
export async function listSegments(reads: CallerReads, paging: Paging, { kind, modelId, asOf, level }: SegmentFilter): Promise<SegmentConnection> {
  let sizes: SegmentConnection['sizes'];
  const connection = await readConnection(paging, async (page) => {
    const answer = await reads.segmentList({ page, kind: kind ?? SegmentKind.UNSPECIFIED, modelId, asOf: asOf ?? undefined, level: level ?? SegmentLevel.MAIN, brief: true });
    sizes = answer.basis;
    return { rows: answer.segments, pageInfo: answer.pageInfo };
  });
  return { ...connection, sizes, past: asOf ?? undefined };
}

/** As a model draws them. */
export async function listSegmentsOfModel(reads: CallerReads, paging: Paging, modelId: string): Promise<SegmentConnection> {
  let sizes: SegmentConnection['sizes'];
  const connection = await readConnection(paging, async (page) => {
    const answer = await reads.modelSegments({ id: modelId, page });
    sizes = answer.basis;
    return answer;
  });
  return { ...connection, sizes, past: undefined };
}
