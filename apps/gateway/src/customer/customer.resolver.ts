import type { ingestion } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { basisOfSize, countedAsStored, countedAt } from '../counting/count.resolver.js';
import { customerUnusual } from '../unusual/unusual.resolver.js';
import { customerForesight } from '../foresight/foresight.resolver.js';
import { readConnection, readPageOf, rowsAsked } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import type { GatewayContext } from '../graphql/context.js';
import { invalidArgument, notKept } from '../graphql/error.js';
import { globalId, localId } from '../graphql/global-id.js';
import { found, segmentNow } from '../graphql/loaders.js';
import type { Customer } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { parseJson } from '../graphql/scalar.js';
import { isAsked } from '../graphql/selection.js';
import { customerIdentity } from '../identity/identity.resolver.js';
import { customerPredictions } from '../label/head.resolver.js';
import { listMembers } from '../segment/member.list.js';
import { there } from '../similar/similar.resolver.js';

/** Fields of what serving knows of a customer: for who asks for one of them, it says in the same call whose a user id is. */
const OF_PLACE = ['isScored', 'memberships', 'novelty', 'mapPosition'];

export const customerQueries = {
  customer: async (_root, { id, userId, anonymousId }, { rpc, reads, loaders }, info) => {
    if ([id, userId, anonymousId].filter((given) => given !== null && given !== undefined).length !== 1) {
      throw invalidArgument('Give exactly one of id, userId and anonymousId.');
    }
    if (id) {
      const own = localId('Customer', id);
      return own === undefined ? null : loaders.customer.load(own);
    }
    if (userId && isAsked(info, ...OF_PLACE)) {
      const place = await reads.placeByUserId(userId);
      if (!place) return null;
      loaders.place.keep(place.customerId, place);
      return { id: place.customerId };
    }
    if (userId) {
      const own = await reads.customerIdByUserId(userId);
      return own === undefined ? null : { id: own };
    }
    return (await found(rpc.customers.resolveCustomer({ key: { $case: 'anonymousId', value: anonymousId ?? '' } })))?.customer;
  },
  customers: async (_root, { segmentId, search, ...paging }, context) => {
    if (segmentId && search) throw invalidArgument('Give one of segmentId and search.');
    if (segmentId) {
      const id = localId('Segment', segmentId);
      if (id === undefined) throw invalidArgument('segmentId is the id of no segment.');
      return listMembers(segmentNow(id), paging, context);
    }
    const connection = await readConnection(paging, async (page) => {
      const { customers, pageInfo } = await context.rpc.customers.listCustomers({ page, search: search ?? '' });
      return { rows: customers, pageInfo };
    });
    return { ...connection, asOf: new Date().toISOString(), of: undefined };
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

/** A field of what ingestion knows of a customer, loaded where the customer was found by id alone. */
function detail<Value>(read: (customer: ingestion.Customer) => Value) {
  return (customer: Customer, _args: object, { loaders }: GatewayContext): Value | Promise<Value> => (isWhole(customer) ? read(customer) : loaders.customer.load(customer.id).then((whole) => read(thereStill(whole))));
}

function isWhole(customer: Customer): customer is ingestion.Customer {
  return 'eventCount' in customer;
}

/** What the champion makes of a customer, now or as of a time; undefined where it has not read them. */
async function readingOf(customerId: string, asOf: string | null | undefined, loaders: GatewayContext['loaders']) {
  if (asOf) return loaders.pastReading.load({ customerId, asOf });
  const place = await loaders.place.load(customerId);
  return place?.known ? place : undefined;
}

function thereStill(customer: ingestion.Customer | undefined): ingestion.Customer {
  if (!customer) throw RpcError.notFound('This customer was erased a moment ago.', { reason: 'CUSTOMER_UNKNOWN' });
  return customer;
}

export const customerTypes: ResolversOf<'Customer' | 'CustomerConnection'> = {
  Customer: {
    ...customerIdentity,
    ...customerForesight,
    ...customerUnusual,
    ...customerPredictions,
    id: ({ id }) => globalId('Customer', id),
    userId: detail(({ userId }) => orNull(userId)),
    anonymousIds: detail(({ anonymousIds }) => anonymousIds),
    attributes: detail(({ attributes }) => parseJson(attributes)),
    firstSeenAt: detail(({ firstSeenAt }) => present(firstSeenAt, 'firstSeenAt')),
    lastSeenAt: detail(({ lastSeenAt }) => present(lastSeenAt, 'lastSeenAt')),
    eventCount: detail(({ eventCount }) => eventCount),
    archivedEventCount: detail(({ archivedEventCount }) => archivedEventCount),
    countedAt,
    isScored: async ({ id }, _args, { loaders }) => (await loaders.place.load(id))?.known ?? false,
    memberships: async ({ id }, { asOf }, { loaders }) => {
      if (asOf) return (await loaders.pastPlace.load({ customerId: id, asOf })).map((membership) => ({ ...membership, customerId: id, past: asOf }));
      const { memberships = [], told } = (await loaders.place.load(id)) ?? {};
      return memberships.map((membership) => ({ ...membership, customerId: id, ...(told ? { told } : {}) }));
    },
    novelty: async ({ id }, { asOf }, { loaders }) => (await readingOf(id, asOf, loaders))?.novelty,
    mapPosition: ({ id }, { asOf }, { loaders }) => readingOf(id, asOf, loaders),
    membershipHistory: ({ id }, args, { reads }, info) => readPageOf(id, args, reads.membershipHistory, info),
    similar: async ({ id }, { first, asOf }, { reads, loaders }) => {
      if (asOf) throw notKept('similar customers are those nearest now, and how everyone was read at an earlier time is not kept. Leave asOf out, or ask novelty, forecast or memberships of the customer as of that time.');
      const asked = rowsAsked(first);
      return there(asked.of(await reads.similar({ id, first: asked.first })), loaders);
    },
    events: ({ id }, args, { reads }, info) => readPageOf(id, args, reads.customerEvents, info),
  },
  CustomerConnection: {
    basis: async ({ of, asOf }, _args, { loaders }) => {
      const segment = of && (await loaders.segment.load(of));
      return segment ? { ...basisOfSize(segment), asOf } : countedAsStored(asOf);
    },
  },
};
