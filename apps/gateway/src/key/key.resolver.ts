import { RpcError } from '#libs/grpc';

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
  rotateApiKey: (_root, { overlapSeconds, ...args }, { rpc }) => {
    const id = localId('ApiKey', args.id);
    if (id === undefined) return notFound('KEY_UNKNOWN', 'There is no such key.');
    return expecting({ NOT_FOUND: 'NotFound', KEY_ENDED: 'ApiKeyEnded', KEY_INVALID: 'ApiKeyInvalid' }, async () => {
      if (overlapSeconds < 0) throw RpcError.invalid('The former secret may hold for 0 seconds to 30 days.', { reason: 'KEY_INVALID' });
      const { key, secret } = await rpc.access.rotateKey({ id, overlapSeconds });
      return { key: present(key, 'key'), secret };
    });
  },
  revokeApiKey: (_root, args, { rpc }) => {
    const id = localId('ApiKey', args.id);
    if (id === undefined) return notFound('KEY_UNKNOWN', 'There is no such key.');
    return expecting({ NOT_FOUND: 'NotFound' }, async () => present((await rpc.access.revokeKey({ id })).key, 'key'));
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const keyTypes: ResolversOf<'ApiKey' | 'CreateApiKeyResult' | 'RotateApiKeyResult' | 'RevokeApiKeyResult'> = {
  ApiKey: {
    id: ({ id }) => globalId('ApiKey', id),
    actor: ({ id }) => `key:${id}`,
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
  },
  CreateApiKeyResult: outcomeOf('ApiKeyCreated'),
  RotateApiKeyResult: outcomeOf('ApiKeyRotated'),
  RevokeApiKeyResult: outcomeOf('ApiKey'),
};
