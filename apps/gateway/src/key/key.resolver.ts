import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { present } from '../graphql/present.js';

export const keyQueries = {
  apiKeys: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { keys, pageInfo } = await rpc.access.listKeys({ page });
      return { rows: keys, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const keyMutations = {
  createApiKey: (_root, { input }, { rpc }) =>
    expecting({ NAME_TAKEN: 'NameTaken', KEY_INVALID: 'ApiKeyInvalid' }, async () => {
      const { key, secret } = await rpc.access.createKey({ name: input.name, role: input.role, expiresAt: input.expiresAt ?? undefined });
      return { key: present(key, 'key'), secret };
    }),
  revokeApiKey: (_root, args, { rpc }) => {
    const id = localId('ApiKey', args.id);
    if (id === undefined) return notFound('KEY_UNKNOWN', 'There is no such key.');
    return expecting({ NOT_FOUND: 'NotFound' }, async () => present((await rpc.access.revokeKey({ id })).key, 'key'));
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const keyTypes: ResolversOf<'ApiKey' | 'CreateApiKeyResult' | 'RevokeApiKeyResult'> = {
  ApiKey: {
    id: ({ id }) => globalId('ApiKey', id),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
  },
  CreateApiKeyResult: outcomeOf('ApiKeyCreated'),
  RevokeApiKeyResult: outcomeOf('ApiKey'),
};
