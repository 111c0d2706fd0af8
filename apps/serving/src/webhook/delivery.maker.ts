import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { ingestion } from '#libs/contracts';
import { SERVICE } from '#libs/service';

import type { ChangePlace } from '../change/change.cursor.js';
import { type Context, INGESTION, type IngestionClient } from '../store.js';
import { EVENTS_AT_ONCE, UnusualEventJudge } from '../unusual/unusual.event.judge.js';
import { alertCall, occurrencesOf, type Selection, trackCall } from './delivery.body.js';
import { DeliveryRepository, type NewDelivery, type Standing } from './delivery.repository.js';
import { EVENT_ALERT } from './webhook.event.js';
import { type ToldChange, WebhookFeed } from './webhook.feed.js';

const CHANGES_AT_ONCE = 200;
/** Deliveries made ahead of a receiver that does not keep up; what is beyond lies in the feeds. */
const MOST_WAITING = 1_000;

/** Makes a webhook's deliveries of what lies behind its places in the feeds. */
@Injectable()
export class DeliveryMaker {
  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly feed: WebhookFeed,
    private readonly judge: UnusualEventJudge,
    @Inject(INGESTION) private readonly ingestion: IngestionClient,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  /** Answers how many changes and events were looked at. */
  async make(workspaceId: string, webhookId: string, { cursor, eventPlace, waiting, ...selection }: Standing): Promise<number> {
    if (waiting >= MOST_WAITING) return 0;
    const changes = await this.ofChanges(workspaceId, webhookId, cursor, selection);
    return changes + (eventPlace === null ? 0 : await this.ofEvents(workspaceId, webhookId, eventPlace));
  }

  private async ofChanges(workspaceId: string, webhookId: string, cursor: ChangePlace, selection: Selection): Promise<number> {
    const changes = await this.feed.after(workspaceId, cursor, CHANGES_AT_ONCE);
    const last = changes.at(-1);
    if (!last) return 0;
    const made = await this.deliveriesOf(workspaceId, changes, selection);
    await this.deliveries.append(workspaceId, webhookId, { feed: 'CHANGES', from: cursor, to: [last.xid, last.sequence] }, made, this.context.config.WEBHOOK_ATTEMPTS);
    return changes.length;
  }

  /** While nobody can judge them they wait in their feed, and nothing else waits for them. */
  private async ofEvents(workspaceId: string, webhookId: string, place: ChangePlace): Promise<number> {
    const events = await this.feed.eventsAfter(workspaceId, place, EVENTS_AT_ONCE);
    const last = events.at(-1);
    if (!last) return 0;
    const unusual = await this.judge.unusualOf(workspaceId, events).catch((error: unknown) => {
      this.context.log.debug({ err: error, workspaceId, webhookId }, 'events cannot be judged; alerts of them have to wait');
      return undefined;
    });
    if (!unusual) return 0;
    const byId = await this.customers(workspaceId, unusual, false);
    const places = new Map(events.map((event) => [event.eventId, event]));
    const made = unusual.flatMap((event): NewDelivery[] => {
      const [customer, at] = [byId.get(event.customerId), places.get(event.eventId)];
      if (!customer || !at) return [];
      const id = uuid();
      return [{ id, xid: at.horizon, sequence: at.sequence, part: 0, customerId: event.customerId, segmentId: null, event: EVENT_ALERT, body: alertCall(id, event, customer) }];
    });
    await this.deliveries.append(workspaceId, webhookId, { feed: 'EVENTS', from: place, to: [last.horizon, last.sequence] }, made, this.context.config.WEBHOOK_ATTEMPTS);
    return events.length;
  }

  private async deliveriesOf(workspaceId: string, changes: readonly ToldChange[], selection: Selection): Promise<NewDelivery[]> {
    const told = changes.flatMap((change) => occurrencesOf(change, selection).map((occurrence) => ({ change, occurrence })));
    if (told.length === 0) return [];
    const [names, byId] = await Promise.all([
      this.deliveries.segmentNames(workspaceId, [...new Set(told.flatMap(({ occurrence }) => occurrence.segmentId ?? []))]),
      this.customers(workspaceId, told.map(({ change }) => change), true),
    ]);
    return told.flatMap(({ change, occurrence: { part, event, segmentId } }) => {
      const customer = byId.get(change.customerId);
      if (!customer) return [];
      const id = uuid();
      const body = trackCall(id, change, { part, event, segmentId }, names.get(segmentId ?? '') ?? '', customer);
      return [{ id, xid: change.xid, sequence: change.sequence, part, customerId: change.customerId, segmentId, event, body }];
    });
  }

  /**
   * By the ids that they are told of by. A customer who was erased since is nobody to tell of. Of one that was merged into another since, an event is
   * that other's, but a change is its own (`unmerged`): the other would be said to have left what it is in.
   */
  private async customers(workspaceId: string, told: readonly { readonly customerId: string }[], unmerged: boolean): Promise<Map<string, ingestion.Customer>> {
    if (told.length === 0) return new Map();
    const principal = await this.context.signer.service(this.context.name, workspaceId);
    const { customers } = await this.ingestion.getCustomers({ ids: [...new Set(told.map(({ customerId }) => customerId))], unmerged }, { principal });
    return new Map(customers.flatMap(({ requestedId, customer }) => (customer ? [[requestedId, customer]] : [])));
  }
}
