import { Injectable } from '@nestjs/common';

import type { serving } from '#libs/contracts';
import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

import { cursorFormat, cutPage, pageAsked } from '../page/page.js';
import { NIL, onlyUuids, uuidFilter } from '../page/uuid.js';
import { Drawings } from '../segment/drawings.js';
import { isoOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { toCustomer, toMember, toPoint } from './membership.mapper.js';
import { MembershipRepository } from './membership.repository.js';
import { PlacementRepository } from './placement.repository.js';

const MOST_CUSTOMERS = 500;
const MOST_POINTS = 10_000;
const DEFAULT_POINTS = 2_000;

const byStrength = cursorFormat<readonly [number, string]>(z.tuple([z.number(), z.uuid()]));

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
    if (customerIds.length > MOST_CUSTOMERS) {
      throw RpcError.invalid(`At most ${MOST_CUSTOMERS} customers at once; ${customerIds.length} were asked for.`, { reason: 'TOO_MANY_IDS' });
    }
    const [{ served, rows }, { briefs, basis }] = await Promise.all([
      this.memberships.ofCustomers(workspaceId, [...new Set(onlyUuids(customerIds))]),
      this.drawings.now(workspaceId),
    ]);
    const held = new Set(rows.flatMap(({ segmentId, finerSegmentId }) => [segmentId, finerSegmentId]));
    const byCustomer = Map.groupBy(rows, ({ customerId }) => customerId);
    return {
      customers: customerIds.map((id) => toCustomer(id, byCustomer.get(id.toLowerCase()) ?? [])),
      modelId: served?.modelId ?? '',
      asOf: await this.directory.asOf(workspaceId, served?.newestEventAt ?? null),
      segments: [...held].flatMap((id) => (id === null ? [] : (briefs.get(id) ?? []))),
      basis,
    } satisfies serving.GetCustomerMembershipsResponse;
  }

  async list(workspaceId: string, { segmentId, page }: serving.ListSegmentMembersRequest): Promise<serving.ListSegmentMembersResponse> {
    const asked = pageAsked(page, byStrength);
    const { rows, total, newestEventAt } = await this.memberships.members(workspaceId, uuidFilter(segmentId) ?? NIL, asked);
    const cursorOf = ({ strength, customerId }: { strength: number; customerId: string }) => byStrength.write([strength, customerId]);
    const cut = cutPage(rows, asked.first, total, cursorOf);
    return {
      members: cut.rows.map((row) => toMember(row, cursorOf(row))),
      pageInfo: cut.pageInfo,
      asOf: await this.directory.asOf(workspaceId, newestEventAt),
    } satisfies serving.ListSegmentMembersResponse;
  }

  /** Whom a model places there: they are as many as its drawing counts. */
  async drawn(workspaceId: string, { segmentId, modelId, page }: serving.ListDrawnMembersRequest): Promise<serving.ListDrawnMembersResponse> {
    const model = uuidFilter(modelId) ?? NIL;
    if (await this.placements.isServed(workspaceId, model)) return this.list(workspaceId, { segmentId, page });
    const asked = pageAsked(page, byStrength);
    const { rows, total, readAt } = await this.placements.in(workspaceId, uuidFilter(segmentId) ?? NIL, model, asked);
    const cursorOf = ({ strength, customerId }: { strength: number; customerId: string }) => byStrength.write([strength, customerId]);
    const cut = cutPage(rows, asked.first, total, cursorOf);
    return {
      members: cut.rows.map((row) => ({ customerId: row.customerId, membership: undefined, cursor: cursorOf(row) })),
      pageInfo: cut.pageInfo,
      asOf: readAt === null ? await this.directory.asOf(workspaceId, null) : isoOf(readAt),
    } satisfies serving.ListDrawnMembersResponse;
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
