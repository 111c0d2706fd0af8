import { Injectable } from '@nestjs/common';

import type { serving } from '#libs/contracts';
import { isStorable } from '#libs/database';
import { expectFewIds, RpcError } from '#libs/grpc';

import { pageOfEach } from '../page/page.js';
import { distinctUuids, uuidFilter } from '../page/uuid.js';
import { Drawings } from '../segment/drawings.js';
import { isoOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { memberOrder } from './member.order.js';
import { memberPage } from './member.page.js';
import { toCustomer, toMember, toPlaced, toPoint } from './membership.mapper.js';
import { type CustomerRow, MembershipRepository } from './membership.repository.js';
import { PlacementRepository } from './placement.repository.js';

const MOST_POINTS = 10_000;
const DEFAULT_POINTS = 2_000;

/** Who belongs where now. */
@Injectable()
export class MemberService {
  constructor(
    private readonly memberships: MembershipRepository,
    private readonly placements: PlacementRepository,
    private readonly drawings: Drawings,
    private readonly directory: WorkspaceDirectory,
  ) {}

  async ofCustomers(workspaceId: string, { customerIds }: serving.GetCustomerMembershipsRequest): Promise<serving.GetCustomerMembershipsResponse> {
    expectFewIds(customerIds);
    const [{ served, rows }, { briefs, basis }] = await Promise.all([
      this.memberships.ofCustomers(workspaceId, distinctUuids(customerIds)),
      this.drawings.now(workspaceId),
    ]);
    const byCustomer = Map.groupBy(rows, ({ customerId }) => customerId);
    return {
      customers: customerIds.map((id) => toCustomer(id, byCustomer.get(id.toLowerCase()) ?? [])),
      modelId: served?.modelId ?? '',
      asOf: await this.directory.asOf(workspaceId, served?.newestEventAt ?? null),
      segments: segmentsOf(rows, briefs),
      basis,
    } satisfies serving.GetCustomerMembershipsResponse;
  }

  async ofUsers(workspaceId: string, { userIds }: serving.GetUserMembershipsRequest): Promise<serving.GetUserMembershipsResponse> {
    expectFewIds(userIds);
    // An id that Postgres cannot hold is nobody's, and would fail those that are asked for beside it.
    const [{ rows }, { briefs, basis }] = await Promise.all([
      this.memberships.ofUsers(workspaceId, userIds.filter(isStorable)),
      this.drawings.now(workspaceId),
    ]);
    const byUser = Map.groupBy(rows, ({ askedFor }) => askedFor);
    return {
      users: Array.from(byUser, ([userId, places]) => ({ userId, customer: toCustomer(places[0]?.customerId ?? '', places) })),
      segments: segmentsOf(rows, briefs),
      basis,
    } satisfies serving.GetUserMembershipsResponse;
  }

  /** A page of each segment: of its members, or of whom a model places there, who are as many as its drawing counts. */
  async ofSegments(workspaceId: string, { segmentIds, modelId, page, order: asOrder }: serving.ListMembersOfSegmentsRequest): Promise<serving.ListMembersOfSegmentsResponse> {
    const order = memberOrder(asOrder);
    const asked = { ...pageOfEach(segmentIds, page, order.cursor), order };
    const ids = distinctUuids(segmentIds);
    const model = uuidFilter(modelId);
    if (model === null || (await this.placements.isServed(workspaceId, model))) {
      const { lists, newestEventAt } = await this.memberships.members(workspaceId, ids, asked);
      const segments = segmentIds.map((segmentId) => ({ segmentId, ...memberPage(lists.get(segmentId.toLowerCase()), asked, toMember) }));
      return { segments, asOf: await this.directory.asOf(workspaceId, newestEventAt) } satisfies serving.ListMembersOfSegmentsResponse;
    }
    const { lists, readAt } = await this.placements.in(workspaceId, ids, model, asked);
    return {
      segments: segmentIds.map((segmentId) => ({ segmentId, ...memberPage(lists.get(segmentId.toLowerCase()), asked, toPlaced) })),
      asOf: readAt === null ? await this.directory.asOf(workspaceId, null) : isoOf(readAt),
    } satisfies serving.ListMembersOfSegmentsResponse;
  }

  async map(workspaceId: string, { sample }: serving.GetCustomerMapRequest): Promise<serving.GetCustomerMapResponse> {
    if (sample > MOST_POINTS) throw RpcError.invalid(`A map has at most ${MOST_POINTS} points.`, { reason: 'SAMPLE_TOO_LARGE' });
    const { served, rows, population } = await this.memberships.map(workspaceId, sample || DEFAULT_POINTS);
    return {
      points: rows.map(toPoint),
      modelId: served?.modelId ?? '',
      asOf: await this.directory.asOf(workspaceId, served?.newestEventAt ?? null),
      population,
    } satisfies serving.GetCustomerMapResponse;
  }
}

/** Those of the places, each once. */
function segmentsOf(rows: readonly CustomerRow[], briefs: ReadonlyMap<string, serving.Segment>): serving.Segment[] {
  const held = new Set(rows.flatMap(({ segmentId, finerSegmentId }) => [segmentId, finerSegmentId]));
  return [...held].flatMap((id) => (id === null ? [] : (briefs.get(id) ?? [])));
}
