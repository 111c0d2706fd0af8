import { randomBytes } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid, validate } from 'uuid';

import type { webhook } from '#libs/contracts';
import { z } from '#libs/config';
import { cutPage, RpcError, status } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { cursorFormat, pageAsked, pageOfEach } from '../page/page.js';
import { publicId, segmentInWords } from '../page/public-id.js';
import { distinctUuids, NIL, uuidFilter } from '../page/uuid.js';
import type { Context } from '../store.js';
import { DeliveryRepository, type DeliveryRow } from './delivery.repository.js';
import { SecretSeal } from './secret.seal.js';
import { isWebhookEvent, USUAL_EVENTS, WEBHOOK_EVENTS, type WebhookEvent } from './webhook.event.js';
import { WebhookFeed } from './webhook.feed.js';
import { stateFilter, toDelivery, toWebhook } from './webhook.mapper.js';
import { WebhookQueue } from './webhook.queue.js';
import { WebhookRepository } from './webhook.repository.js';
import { receiverUrl } from './webhook.target.js';

const MOST_WEBHOOKS = 50;
const MOST_SEGMENTS = 500;
const SECRET_BYTES = 32;
const LONGEST_OVERLAP_SECONDS = 30 * 86_400;

const byId = cursorFormat(z.uuid());

/** Webhooks and their log, as they are asked for from outside. */
@Injectable()
export class WebhookService {
  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly feed: WebhookFeed,
    private readonly queue: WebhookQueue,
    private readonly seal: SecretSeal,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  /** Tells of what is committed from now on. */
  async create(workspaceId: string, { url, segments, events }: webhook.CreateWebhookRequest): Promise<webhook.CreateWebhookResponse> {
    const id = uuid();
    const secret = newSecret();
    const made = {
      id,
      sealed: this.seal.seal({ workspaceId, webhookId: id }, secret),
      url: receiverUrl(url, this.context.config.WEBHOOK_PRIVATE_TARGETS),
      segmentIds: (await this.selected(workspaceId, segments)) ?? null,
      events: eventsOf(events) ?? USUAL_EVENTS,
      cursor: await this.feed.head(workspaceId),
      eventHead: await this.feed.eventHead(workspaceId),
    };
    if (!(await this.webhooks.insert(workspaceId, made, MOST_WEBHOOKS))) {
      throw new RpcError(status.RESOURCE_EXHAUSTED, `A workspace has at most ${MOST_WEBHOOKS} webhooks. Delete one first.`, { reason: 'TOO_MANY_WEBHOOKS' });
    }
    return { webhook: await this.found(workspaceId, id), secret };
  }

  async update(workspaceId: string, { id, url, segments, events, enabled }: webhook.UpdateWebhookRequest): Promise<webhook.UpdateWebhookResponse> {
    const change = {
      url: url === undefined ? undefined : receiverUrl(url, this.context.config.WEBHOOK_PRIVATE_TARGETS),
      segmentIds: await this.selected(workspaceId, segments),
      events: eventsOf(events),
      eventHead: events && (await this.feed.eventHead(workspaceId)),
      isEnabled: enabled,
    };
    if (!(await this.webhooks.update(workspaceId, ownId(id), change))) throw unknown();
    return { webhook: await this.found(workspaceId, id) };
  }

  async rotateSecret(workspaceId: string, { id, overlapSeconds }: webhook.RotateWebhookSecretRequest): Promise<webhook.RotateWebhookSecretResponse> {
    if (overlapSeconds > LONGEST_OVERLAP_SECONDS) throw RpcError.invalid('overlapSeconds: the present secret may go on signing for 0 seconds to 30 days.', { reason: 'OVERLAP_INVALID' });
    const [webhookId, secret] = [ownId(id), newSecret()];
    if (!(await this.webhooks.rotate(workspaceId, webhookId, this.seal.seal({ workspaceId, webhookId }, secret), overlapSeconds))) throw unknown();
    return { webhook: await this.found(workspaceId, id), secret };
  }

  async delete(workspaceId: string, { id }: webhook.DeleteWebhookRequest): Promise<webhook.DeleteWebhookResponse> {
    if (!(await this.webhooks.delete(workspaceId, ownId(id)))) throw unknown();
    return {};
  }

  async get(workspaceId: string, { id }: webhook.GetWebhookRequest): Promise<webhook.GetWebhookResponse> {
    return { webhook: await this.found(workspaceId, id) };
  }

  async list(workspaceId: string, { page }: webhook.ListWebhooksRequest): Promise<webhook.ListWebhooksResponse> {
    const asked = pageAsked(page, byId);
    const { rows, total } = await this.webhooks.list(workspaceId, asked);
    const cut = cutPage(rows, asked.first, total, ({ id }) => byId.write(id));
    return { webhooks: cut.rows.map(toWebhook), pageInfo: cut.pageInfo };
  }

  /** A page of each webhook. */
  async logs(workspaceId: string, { webhookIds, state, page, withTotal }: webhook.ListDeliveriesOfWebhooksRequest): Promise<webhook.ListDeliveriesOfWebhooksResponse> {
    const asked = pageOfEach(webhookIds, page, byId);
    const { rows, totals } = await this.deliveries.ofWebhooks(workspaceId, distinctUuids(webhookIds), stateFilter(state), asked, withTotal);
    return {
      webhooks: webhookIds.map((webhookId) => {
        const id = webhookId.toLowerCase();
        const cut = cutPage(rows.get(id) ?? [], asked.first, totals.get(id) ?? 0, (row) => byId.write(row.id));
        return { webhookId, deliveries: cut.rows.map(toDelivery), pageInfo: cut.pageInfo };
      }),
    };
  }

  async replay(workspaceId: string, { id }: webhook.ReplayWebhookDeliveryRequest): Promise<webhook.ReplayWebhookDeliveryResponse> {
    await this.delivery(workspaceId, id);
    if (!(await this.deliveries.replay(workspaceId, id, this.context.config.WEBHOOK_ATTEMPTS))) {
      throw RpcError.precondition('This delivery is still waiting for its next attempt.', { reason: 'DELIVERY_WAITING' });
    }
    const row = await this.delivery(workspaceId, id);
    // The dispatcher finds it in any case.
    await this.queue.enqueue({ workspaceId, webhookId: row.webhookId }).catch(() => undefined);
    return { delivery: toDelivery(row) };
  }

  /** Ids to tell of: null for all, undefined where nothing was said. */
  private async selected(workspaceId: string, selection: webhook.SegmentSelection | undefined): Promise<string[] | null | undefined> {
    if (selection === undefined) return undefined;
    const ids = [...new Set(selection.segmentIds)];
    if (ids.length === 0) return null;
    if (ids.length > MOST_SEGMENTS) throw RpcError.invalid(`A webhook names at most ${MOST_SEGMENTS} segments, or all.`, { reason: 'TOO_MANY_IDS' });
    const wrong = ids.find((id) => !validate(id)) ?? (await this.webhooks.unknownSegments(workspaceId, ids))[0];
    if (wrong !== undefined) {
      const message = `segmentIds: there is no segment ${publicId('Segment', wrong)}; it may have been deleted. Leave it out, or leave segmentIds out for all.`;
      throw RpcError.invalid(message, { reason: 'SEGMENT_UNKNOWN', metadata: { segment_id: wrong } });
    }
    const [other] = await this.webhooks.segmentsOffMainLevel(workspaceId, ids);
    if (other !== undefined) {
      throw RpcError.invalid(`segmentIds: ${segmentInWords(other)} is coarser or finer than those that webhooks tell of; name its children, or its parent.`, {
        reason: 'SEGMENT_NOT_MAIN',
        metadata: { segment_id: other.id },
      });
    }
    return ids;
  }

  private async found(workspaceId: string, id: string): Promise<webhook.Webhook> {
    const row = await this.webhooks.find(workspaceId, ownId(id));
    if (!row) throw unknown();
    return toWebhook(row);
  }

  private async delivery(workspaceId: string, id: string): Promise<DeliveryRow> {
    const row = await this.deliveries.find(workspaceId, ownId(id));
    if (!row) throw RpcError.notFound('There is no such delivery.', { reason: 'DELIVERY_UNKNOWN' });
    return row;
  }
}

/** Undefined where nothing was said. */
function eventsOf(selection: webhook.WebhookEventSelection | undefined): readonly WebhookEvent[] | undefined {
  if (selection === undefined) return undefined;
  const wrong = selection.events.find((name) => !isWebhookEvent(name));
  if (wrong !== undefined) throw RpcError.invalid(`There is no event "${wrong}"; webhooks tell of ${WEBHOOK_EVENTS.join(', ')}.`, { reason: 'EVENT_UNKNOWN' });
  return selection.events.length === 0 ? USUAL_EVENTS : WEBHOOK_EVENTS.filter((name) => selection.events.includes(name));
}

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

function unknown(): RpcError {
  return RpcError.notFound('There is no such webhook.', { reason: 'WEBHOOK_UNKNOWN' });
}

/** An id that cannot be one of ours matches nothing. */
function ownId(id: string): string {
  return uuidFilter(id) ?? NIL;
}
