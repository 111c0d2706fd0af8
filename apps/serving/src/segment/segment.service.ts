import { Injectable } from '@nestjs/common';

import { type counting, serving, worker } from '#libs/contracts';
import { z } from '#libs/config';
import { cutPage, encodedOnce, expectFewIds, RpcError, status } from '#libs/grpc';

import { cursorFormat, type PageAsked, pageAsked, pageOfEach } from '../page/page.js';
import { distinctUuids, NIL, onlyUuids, uuidFilter } from '../page/uuid.js';
import { type Drawing, Drawings } from './drawings.js';
import { briefly, toVersion } from './segment.mapper.js';
import { SegmentRepository } from './segment.repository.js';

const LONGEST_NAME = 120;
const LONGEST_DESCRIPTION = 2_000;

/**
 * Sizes move between pages, and a place among them would skip who grew past it and repeat who shrank. So the cursor of a page says who was
 * shown up to it, by the ends of their ids: what is left is shown once, wherever it moved.
 */
const byShown = cursorFormat(z.array(z.string().length(12)));
const byAge = cursorFormat<readonly [number, string]>(z.tuple([z.number(), z.uuid()]));

/** Segments as they are drawn now, as another model draws them, or as of a time. */
@Injectable()
export class SegmentService {
  constructor(
    private readonly segments: SegmentRepository,
    private readonly drawings: Drawings,
  ) {}

  async get(workspaceId: string, { ids, modelId, asOf }: serving.GetSegmentsRequest): Promise<serving.GetSegmentsResponse> {
    expectFewIds(ids);
    const wanted = new Set(onlyUuids(ids));
    if (modelId === '' && asOf === undefined) {
      const { segments, basis } = await this.drawings.now(workspaceId);
      const drawn = segments.filter(({ id }) => wanted.has(id));
      // Who asks for one that is live no more gets it all the same.
      if (drawn.length === wanted.size) return { segments: drawn, basis } satisfies serving.GetSegmentsResponse;
    }
    const { segments, basis } = await this.drawings.read(workspaceId, { ids: [...wanted], modelId, asOf });
    return { segments: [...segments], basis } satisfies serving.GetSegmentsResponse;
  }

  /** What the sizes of now are of, by a model; empty: the champion. */
  async basis(workspaceId: string, modelId: string): Promise<counting.CountBasis> {
    const { basis } = await this.drawings.now(workspaceId);
    return modelId === '' || modelId === basis.modelId ? basis : (await this.drawings.read(workspaceId, { ids: [], modelId, asOf: undefined })).basis;
  }

  async list(workspaceId: string, request: serving.ListSegmentsRequest): Promise<Readonly<serving.ListSegmentsResponse>> {
    const { page, modelId, asOf } = request;
    const asked = pageAsked(page, byShown);
    if (modelId !== '' || asOf !== undefined) return pageOf(await this.drawings.read(workspaceId, { ids: null, modelId, asOf }), asked, request);
    const drawing = await this.drawings.now(workspaceId);
    const name = `${request.kind}|${request.level}|${request.brief}|${asked.first}|${page?.after ?? ''}`;
    const known = drawing.pages.get(name);
    if (known) return known;
    const made = encodedOnce(pageOf(drawing, asked, request));
    drawing.pages.set(name, made);
    return made;
  }

  /** A page of each model. */
  async listOfModels(workspaceId: string, { modelIds, page, level }: serving.ListSegmentsOfModelsRequest): Promise<serving.ListSegmentsOfModelsResponse> {
    const asked = pageOfEach(modelIds, page, byShown);
    const idOf = (modelId: string) => (uuidFilter(modelId) ?? NIL).toLowerCase();
    const drawings = await this.drawings.ofModels(workspaceId, [...new Set(modelIds.map(idOf))]);
    return {
      models: modelIds.flatMap((modelId) => {
        const drawing = drawings.get(idOf(modelId));
        if (!drawing) return [];
        const { segments, pageInfo, basis } = pageOf(drawing, asked, { kind: serving.SegmentKind.UNSPECIFIED, level, brief: true });
        return [{ modelId, segments, pageInfo, basis }];
      }),
    } satisfies serving.ListSegmentsOfModelsResponse;
  }

  /** A page of each segment. */
  async versionsOfSegments(workspaceId: string, { segmentIds, page, withTotal }: serving.ListVersionsOfSegmentsRequest): Promise<serving.ListVersionsOfSegmentsResponse> {
    const asked = pageOfEach(segmentIds, page, byAge);
    const { rows, totals } = await this.segments.versions(workspaceId, distinctUuids(segmentIds), asked, withTotal);
    return {
      segments: segmentIds.map((segmentId) => {
        const id = segmentId.toLowerCase();
        const cut = cutPage(rows.get(id) ?? [], asked.first, totals.get(id) ?? 0, ({ createdMicros, modelId }) => byAge.write([createdMicros, modelId]));
        return { segmentId, versions: cut.rows.map(toVersion), pageInfo: cut.pageInfo };
      }),
    } satisfies serving.ListVersionsOfSegmentsResponse;
  }

  async rename(workspaceId: string, request: serving.RenameSegmentRequest): Promise<serving.RenameSegmentResponse> {
    const name = request.name.trim();
    const description = request.description?.trim();
    if (name === '' || name.length > LONGEST_NAME) {
      throw RpcError.invalid(`A segment's name has 1 to ${LONGEST_NAME} characters.`, { reason: 'NAME_INVALID' });
    }
    if ((description?.length ?? 0) > LONGEST_DESCRIPTION) {
      throw RpcError.invalid(`A description has at most ${LONGEST_DESCRIPTION} characters.`, { reason: 'DESCRIPTION_INVALID' });
    }
    const [id] = onlyUuids([request.id]);
    const outcome = id === undefined ? 'UNKNOWN' : await this.segments.rename(workspaceId, id, name, description);
    if (outcome === 'RENAMED') this.drawings.changed(workspaceId);
    if (outcome === 'NAME_TAKEN') {
      throw new RpcError(status.ALREADY_EXISTS, `Another segment is called "${name}".`, { reason: 'NAME_TAKEN', metadata: { name } });
    }
    const { segments, basis } = await this.drawings.read(workspaceId, { ids: id === undefined ? [] : [id], modelId: '', asOf: undefined });
    if (outcome === 'UNKNOWN' || !segments[0]) throw RpcError.notFound('There is no such segment.', { reason: 'SEGMENT_UNKNOWN' });
    return { segment: segments[0], basis } satisfies serving.RenameSegmentResponse;
  }
}

/** The largest first of those that were not shown yet. */
function pageOf({ segments, basis }: Drawing, { first, after = [] }: PageAsked<readonly string[]>, { kind, level, brief }: Pick<serving.ListSegmentsRequest, 'kind' | 'level' | 'brief'>): serving.ListSegmentsResponse {
  const ordered = segments
    .filter((segment) => (kind === serving.SegmentKind.UNSPECIFIED || segment.kind === kind) && isOnLevel(segment, level))
    .sort((a, b) => b.size - a.size || compare(a.id, b.id));
  const shown = new Set(after);
  const rest = ordered.filter(({ id }) => !shown.has(endOf(id)));
  const cut = cutPage(rest, first, ordered.length, () => byShown.write([...shown, ...rest.slice(0, first).map(({ id }) => endOf(id))]));
  return { segments: brief ? cut.rows.map(briefly) : [...cut.rows], pageInfo: cut.pageInfo, population: basis.placed + basis.unseen, basis } satisfies serving.ListSegmentsResponse;
}

/** The random part of an id: enough to tell a workspace's segments apart. */
function endOf(id: string): string {
  return id.slice(-12);
}

/** The levels are cuts through one tree: what joins nothing, or is not split, is on more than one. */
function isOnLevel({ level, parentId, childIds }: serving.Segment, asked: worker.SegmentLevel): boolean {
  if (asked === worker.SegmentLevel.COARSER) return level === asked || (level === worker.SegmentLevel.MAIN && parentId === '');
  if (asked === worker.SegmentLevel.FINER) return level === asked || (level === worker.SegmentLevel.MAIN && childIds.length === 0);
  return level === worker.SegmentLevel.MAIN;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
