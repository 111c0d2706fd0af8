import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { globalId } from '../graphql/global-id.js';
import { orNull, present } from '../graphql/present.js';
import { parseJson } from '../graphql/scalar.js';

export const auditQueries = {
  auditEntries: (_root, { actor, action, from, to, ...paging }, { rpc }) =>
    readConnection(paging, async (page) => {
      const { entries, pageInfo } = await rpc.access.listAudit({ page, actor: actor ?? '', action: action ?? '', from: from ?? undefined, to: to ?? undefined });
      return { rows: entries, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const auditTypes: ResolversOf<'AuditEntry'> = {
  AuditEntry: {
    id: ({ id }) => globalId('AuditEntry', id),
    at: ({ at }) => present(at, 'at'),
    target: ({ target }) => orNull(target),
    details: ({ details }) => parseJson(details),
  },
};
