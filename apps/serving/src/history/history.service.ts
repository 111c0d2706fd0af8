import { Injectable } from '@nestjs/common';

import type { history } from '#libs/contracts';
import { expectFewIds, RpcError } from '#libs/grpc';

import { memberOrder } from '../membership/member.order.js';
import { memberPage } from '../membership/member.page.js';
import { toMember, toMembership } from '../membership/membership.mapper.js';
import { pageOfEach } from '../page/page.js';
import { distinctUuids, onlyUuids } from '../page/uuid.js';
import { AnswerablePast } from './answerable.past.js';
import { PastRepository } from './past.repository.js';

/** Who belonged where, as of a time that has passed. */
@Injectable()
export class HistoryService {
  constructor(
    private readonly past: PastRepository,
    private readonly times: AnswerablePast,
  ) {}

  /** A page of each segment. */
  async ofSegments(workspaceId: string, { segmentIds, asOf, page, order: asOrder }: history.ListPastMembersOfSegmentsRequest): Promise<history.ListPastMembersOfSegmentsResponse> {
    const order = memberOrder(asOrder);
    const asked = { ...pageOfEach(segmentIds, page, order.cursor), order };
    const lists = await this.past.members(workspaceId, distinctUuids(segmentIds), await this.answerable(workspaceId, asOf), asked);
    return { segments: segmentIds.map((segmentId) => ({ segmentId, ...memberPage(lists.get(segmentId.toLowerCase()), asked, toMember) })) };
  }

  async ofCustomers(workspaceId: string, { customerIds, asOf }: history.GetPastMembershipsRequest): Promise<history.GetPastMembershipsResponse> {
    expectFewIds(customerIds);
    const rows = await this.past.ofCustomers(workspaceId, onlyUuids(customerIds), await this.answerable(workspaceId, asOf));
    const byCustomer = Map.groupBy(rows, ({ customerId }) => customerId);
    return { customers: customerIds.map((customerId) => ({ customerId, memberships: (byCustomer.get(customerId.toLowerCase()) ?? []).map(toMembership) })) };
  }

  private answerable(workspaceId: string, asked: string | undefined): Promise<string> {
    if (asked === undefined) throw RpcError.invalid('asOf: give a time.', { reason: 'AS_OF_INVALID' });
    return this.times.of(workspaceId, asked);
  }
}
