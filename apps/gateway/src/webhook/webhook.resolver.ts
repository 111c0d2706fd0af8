import type { webhook } from '#libs/contracts';

import { readConnection, readPageOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, ExpectedFailure, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { customerOfChange, loadPresent, segmentNow } from '../graphql/loaders.js';
import { WebhookDeliveryState, type WebhookEvent } from '../graphql/message.js';
import { countOrNull, orNull, present } from '../graphql/present.js';
import { parseJson } from '../graphql/scalar.js';

const WHY_NOT = { INVALID_ARGUMENT: 'WebhookInvalid', TOO_MANY_WEBHOOKS: 'WebhookInvalid', NOT_FOUND: 'NotFound' } as const;
const CANNOT_BE = { INVALID_ARGUMENT: 'WebhookInvalid', TOO_MANY_WEBHOOKS: 'WebhookInvalid' } as const;

export const webhookQueries = {
  webhooks: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { webhooks, pageInfo } = await rpc.webhooks.listWebhooks({ page });
      return { rows: webhooks, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const webhookMutations = {
  createWebhook: async (_root, { input }, { rpc }) => {
    const [segments, events] = [selection(input.segmentIds), eventSelection(input.events)];
    if (segments instanceof ExpectedFailure) return segments;
    if (events instanceof ExpectedFailure) return events;
    return expecting(CANNOT_BE, async () => {
      const made = await rpc.webhooks.createWebhook({ url: input.url, segments, events });
      return { webhook: present(made.webhook, 'webhook'), secret: made.secret };
    });
  },
  updateWebhook: async (_root, args, { rpc }) => {
    const id = localId('Webhook', args.id);
    if (id === undefined) return unknownWebhook();
    const { url, isEnabled, segmentIds } = args.input;
    const segments = segmentIds === undefined ? undefined : selection(segmentIds);
    const events = eventSelection(args.input.events);
    if (segments instanceof ExpectedFailure) return segments;
    if (events instanceof ExpectedFailure) return events;
    return expecting(WHY_NOT, async () => {
      const changed = await rpc.webhooks.updateWebhook({ id, url: url ?? undefined, enabled: isEnabled ?? undefined, segments, events });
      return present(changed.webhook, 'webhook');
    });
  },
  rotateWebhookSecret: (_root, { overlapSeconds, ...args }, { rpc }) => {
    const id = localId('Webhook', args.id);
    if (id === undefined) return unknownWebhook();
    if (overlapSeconds < 0) return new ExpectedFailure('WebhookInvalid', 'OVERLAP_INVALID', 'overlapSeconds: the present secret may go on signing for 0 seconds to 30 days.');
    return expecting(WHY_NOT, async () => {
      const rotated = await rpc.webhooks.rotateWebhookSecret({ id, overlapSeconds });
      return { webhook: present(rotated.webhook, 'webhook'), secret: rotated.secret };
    });
  },
  deleteWebhook: (_root, args, { rpc }) => {
    const id = localId('Webhook', args.id);
    if (id === undefined) return unknownWebhook();
    return expecting({ NOT_FOUND: 'NotFound' }, async () => {
      await rpc.webhooks.deleteWebhook({ id });
      return { id: globalId('Webhook', id) };
    });
  },
  replayWebhookDelivery: (_root, args, { rpc }) => {
    const id = localId('WebhookDelivery', args.id);
    if (id === undefined) return notFound('DELIVERY_UNKNOWN', 'There is no such delivery.');
    return expecting({ NOT_FOUND: 'NotFound', DELIVERY_WAITING: 'WebhookDeliveryWaiting' }, async () => {
      const { delivery } = await rpc.webhooks.replayWebhookDelivery({ id });
      return present(delivery, 'delivery');
    });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const webhookTypes: ResolversOf<
  'Webhook' | 'WebhookDelivery' | 'CreateWebhookResult' | 'UpdateWebhookResult' | 'RotateWebhookSecretResult' | 'DeleteWebhookResult' | 'ReplayWebhookDeliveryResult'
> = {
  Webhook: {
    id: ({ id }) => globalId('Webhook', id),
    segments: ({ segmentIds }, _args, { loaders }) => (segmentIds.length === 0 ? null : loadPresent(loaders.segment, segmentIds.map(segmentNow))),
    events: ({ events }) => events as WebhookEvent[],
    isEnabled: ({ enabled }) => enabled,
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    deliveries: ({ id }, { state, ...paging }, { reads }, info) =>
      readPageOf(id, paging, (key) => reads.webhookDeliveries({ ...key, state: state ?? WebhookDeliveryState.UNSPECIFIED }), info),
  },
  WebhookDelivery: {
    id: ({ id }) => globalId('WebhookDelivery', id),
    messageId: ({ id }) => id,
    customer: customerOfChange,
    segment: ({ segmentId }, _args, { loaders }) => (segmentId === '' ? null : loaders.segment.load(segmentNow(segmentId))),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    responseStatus: ({ responseStatus }) => countOrNull(responseStatus),
    error: ({ error }) => orNull(error),
    body: ({ body }) => parseJson(body),
  },
  CreateWebhookResult: outcomeOf('WebhookCreated'),
  UpdateWebhookResult: outcomeOf('Webhook'),
  RotateWebhookSecretResult: outcomeOf('WebhookSecretRotated'),
  DeleteWebhookResult: outcomeOf('WebhookDeleted'),
  ReplayWebhookDeliveryResult: outcomeOf('WebhookDelivery'),
};

/** Nothing given: all segments. */
function selection(ids: readonly string[] | null | undefined): webhook.SegmentSelection | ExpectedFailure<'WebhookInvalid'> {
  const segmentIds: string[] = [];
  if (ids?.length === 0) return new ExpectedFailure('WebhookInvalid', 'SEGMENT_UNKNOWN', 'Name at least one segment, or leave segmentIds out for all.');
  for (const given of ids ?? []) {
    const id = localId('Segment', given);
    if (id === undefined) return new ExpectedFailure('WebhookInvalid', 'SEGMENT_UNKNOWN', `${given} is the id of no segment.`);
    segmentIds.push(id);
  }
  return { segmentIds };
}

/** Nothing said: undefined. */
function eventSelection(events: readonly WebhookEvent[] | null | undefined): webhook.WebhookEventSelection | ExpectedFailure<'WebhookInvalid'> | undefined {
  if (events?.length === 0) return new ExpectedFailure('WebhookInvalid', 'EVENT_UNKNOWN', 'Name at least one event, or leave events out for segments entered and left.');
  return events ? { events: [...events] } : undefined;
}

function unknownWebhook(): ExpectedFailure<'NotFound'> {
  return notFound('WEBHOOK_UNKNOWN', 'There is no such webhook.');
}
