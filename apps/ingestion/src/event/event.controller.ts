import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { ingestion } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { cutOf, cutOfEach, INTEGER, ISO_MICROS, pageOf, UUID } from '../page.js';
import type { IntakeItem } from './event.js';
import { decodeEvent, MAX_EVENT_BYTES } from './event.decoder.js';
import { countsOf, eventOf, ledgerOf, rejectedOf, rejectedReceiptOf, resultsOf, stateOf, storedReceiptOf } from './event.mapper.js';
import type { ItemResult } from './event.quarantine.js';
import { EventRates } from './event.rates.js';
import { EventRepository } from './event.repository.js';
import { asRpcError } from './event.rpc-error.js';
import { jsonOrText } from './event.text.js';
import { EventWriter } from './event.writer.js';

@Controller()
@ingestion.EventServiceControllerMethods()
export class EventController implements ingestion.EventServiceController {
  constructor(
    private readonly writer: EventWriter,
    private readonly events: EventRepository,
    private readonly plans: TrackingPlanBook,
    private readonly rates: EventRates,
  ) {}

  @Requires('INTAKE')
  async trackEvents(@Payload() request: ingestion.TrackEventsRequest, @Caller() { workspaceId, actor }: WorkspacePrincipal): Promise<ingestion.TrackEventsResponse> {
    const { items, results } = await this.take(workspaceId, actor, request.events.map((bytes) => jsonOrText(Buffer.from(bytes).toString())), request.sentAt);
    return { results: resultsOf(items, results) };
  }

  @Requires('INTAKE')
  async trackEventBatch(@Payload() request: ingestion.TrackEventBatchRequest, @Caller() { workspaceId, actor }: WorkspacePrincipal): Promise<ingestion.TrackEventBatchResponse> {
    const calls = jsonOrText(Buffer.from(request.events).toString());
    if (!Array.isArray(calls)) throw RpcError.invalid('The events are no JSON array.', { reason: 'BATCH_UNREADABLE' });
    const { items, results } = await this.take(workspaceId, actor, calls, request.sentAt);
    return { results: request.withResults ? resultsOf(items, results) : [], ...countsOf(results) };
  }

  private async take(workspaceId: string, actor: string, calls: readonly unknown[], sent: string | undefined): Promise<{ items: IntakeItem[]; results: ItemResult[] }> {
    const take = async () => {
      await this.rates.take(actor, calls.length);
      const sentAt = sent === undefined ? undefined : Date.parse(sent);
      const envelope = { receivedAt: new Date(), sentAt, maxBytes: MAX_EVENT_BYTES.http, plan: this.plans.of(workspaceId) };
      const items = calls.map((call) => decodeEvent(call, envelope));
      return { items, results: await this.writer.submit(workspaceId, 'graphql', items) };
    };
    return take().catch(asRpcError);
  }

  async getEventReceipt(@Payload() { messageId }: ingestion.GetEventReceiptRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.GetEventReceiptResponse> {
    const stored = await this.events.findStored(workspaceId, messageId);
    if (stored) return { receipt: storedReceiptOf(messageId, stored) };
    const rejected = await this.events.findRejected(workspaceId, messageId);
    if (rejected) return { receipt: rejectedReceiptOf(messageId, rejected) };
    throw RpcError.notFound(`No event with the message id "${messageId}" ever came.`, { reason: 'MESSAGE_UNKNOWN' });
  }

  async getEventLedger(@Payload() { from, to }: ingestion.GetEventLedgerRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.GetEventLedgerResponse> {
    return ledgerOf(await this.events.ledger(workspaceId, from, to));
  }

  async listRejectedEvents(@Payload() request: ingestion.ListRejectedEventsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.ListRejectedEventsResponse> {
    const cut = cutOf(request.page, [UUID]);
    const { reason, source, state } = request;
    const { rows, total } = await this.events.listRejected(workspaceId, { reason, source, state: stateOf(state) }, cut);
    const page = pageOf(rows, cut, total, ({ id }) => [id]);
    return { events: page.rows.map(rejectedOf), pageInfo: page.pageInfo };
  }

  async listEventsOfCustomers(@Payload() request: ingestion.ListEventsOfCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.ListEventsOfCustomersResponse> {
    const { customerIds, page, withTotal } = request;
    const cut = cutOfEach(customerIds, page, [ISO_MICROS, INTEGER]);
    const lists = await this.events.listOfCustomers(workspaceId, customerIds.filter((id) => UUID.test(id)), cut, withTotal);
    return {
      customers: customerIds.flatMap((customerId) => {
        const list = lists.get(customerId.toLowerCase());
        if (!list) return [];
        const { rows, pageInfo } = pageOf(list.rows, cut, list.total, ({ occurred_at, sequence }) => [occurred_at, sequence]);
        return [{ customerId, events: rows.map(eventOf), pageInfo }];
      }),
    };
  }
}
