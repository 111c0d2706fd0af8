import { Injectable } from '@nestjs/common';

import type { access } from '#libs/contracts';
import type { Prisma, schema } from '#libs/database';

import { AccessDatabase } from '../database.provider.js';
import type { Cut } from '../page.js';

/** Empty or unset: any. */
export type AuditFilter = Omit<access.ListAuditRequest, 'page'>;

@Injectable()
export class AuditRepository {
  constructor(private readonly database: AccessDatabase) {}

  async append(entry: Prisma.AuditEntryCreateInput): Promise<void> {
    await this.database.inWorkspace(entry.workspaceId, (transaction) => transaction.auditEntry.create({ data: entry }));
  }

  /** Newest first, one more than asked for where there are more. */
  async list(workspaceId: string, filter: AuditFilter, { rows, after }: Cut): Promise<{ found: schema.AuditEntry[]; total: number }> {
    const where = whereOf(filter);
    return this.database.inWorkspace(workspaceId, async (transaction) => ({
      found: await transaction.auditEntry.findMany({
        where: { ...where, ...(after === undefined ? {} : { id: { lt: after } }) },
        orderBy: { id: 'desc' },
        take: rows + 1,
      }),
      total: await transaction.auditEntry.count({ where }),
    }));
  }
}

function whereOf({ actor, action, from, to }: AuditFilter): Prisma.AuditEntryWhereInput {
  return {
    ...(actor === '' ? {} : { actor }),
    ...(action === '' ? {} : { action }),
    at: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) },
  };
}
