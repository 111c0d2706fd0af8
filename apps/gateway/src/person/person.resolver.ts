import type { person } from '#libs/contracts';

import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import type { GatewayContext } from '../graphql/context.js';
import { invalidArgument } from '../graphql/error.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { found, loadPresent } from '../graphql/loaders.js';
import { PersonRequestKind } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';

interface Whom {
  readonly id?: string | null | undefined;
  readonly userId?: string | null | undefined;
  readonly anonymousId?: string | null | undefined;
}

export const personQueries = {
  personRequest: async (_root, args, { rpc }) => {
    const id = localId('PersonRequest', args.id);
    return id === undefined ? null : (await found(rpc.persons.getPersonRequest({ id })))?.request;
  },
  personRequests: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { requests, pageInfo } = await rpc.persons.listPersonRequests({ page });
      return { rows: requests, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const personMutations = {
  requestPersonExport: (_root, { person: whom }, context) => request(PersonRequestKind.EXPORT, whom, context),
  erasePerson: (_root, { person: whom }, context) => request(PersonRequestKind.ERASE, whom, context),
  suppressPerson: (_root, { person: whom }, context) => request(PersonRequestKind.SUPPRESS, whom, context),
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const personTypes: ResolversOf<'PersonRequest' | 'PersonReceipt' | 'PersonRequestResult'> = {
  PersonRequest: {
    id: ({ id }) => globalId('PersonRequest', id),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    error: ({ error }) => orNull(error),
    download: ({ artifact }, _args, { downloads }) => (artifact === '' ? null : downloads.make(artifact)),
    receipt: (asked) => (asked.receipt === '' ? null : asked),
  },
  PersonReceipt: {
    jws: ({ receipt }) => receipt,
    models: ({ modelIds }, _args, { loaders }) => loadPresent(loaders.model, modelIds),
    runs: ({ runIds }, _args, { loaders }) => loadPresent(loaders.run, runIds),
  },
  PersonRequestResult: outcomeOf('PersonRequest'),
};

function request(kind: PersonRequestKind, whom: Whom, { rpc }: GatewayContext) {
  const given = keyOf(whom);
  if (given === undefined) return notFound('CUSTOMER_UNKNOWN', 'There is no such customer.');
  return expecting({ NOT_FOUND: 'NotFound' }, async () => present((await rpc.persons.startPersonRequest({ kind, person: given })).request, 'request'));
}

/** Undefined for an id that was never handed out. */
function keyOf({ id, userId, anonymousId }: Whom): person.StartPersonRequestRequest['person'] {
  if ([id, userId, anonymousId].filter((given) => given !== null && given !== undefined && given !== '').length !== 1) {
    throw invalidArgument('Give exactly one of id, userId and anonymousId.');
  }
  if (userId) return { $case: 'userId', value: userId };
  if (anonymousId) return { $case: 'anonymousId', value: anonymousId };
  const own = localId('Customer', id ?? '');
  return own === undefined ? undefined : { $case: 'customerId', value: own };
}
