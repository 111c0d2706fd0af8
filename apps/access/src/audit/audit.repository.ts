import { Injectable } from '@nestjs/common';

import type { Prisma, schema } from '#libs/database';

import { AccessDatabase } from '../database.provider.js';
import type { Cut } from '../page.js';

@Injectable()
export class AuditRepository {
  constructor(private readonly database: AccessDatabase) {}

  async append(entry: Prisma.AuditEntryCreateInput): Promise<void> {
    await this.database.inWorkspace(entry.workspaceId, (transaction) => transaction.auditEntry.create({ data: entry }));
  }

  /** Newest first, one more than asked for where there are more. */
  async list(workspaceId: string, { rows, after }: Cut): Promise<{ found: schema.AuditEntry[]; total: number }> {
    return this.database.inWorkspace(workspaceId, async (transaction) => ({
      found: await transaction.auditEntry.findMany({
        ...(after === undefined ? {} : { where: { id: { lt: after } } }),
        orderBy: { id: 'desc' },
        take: rows + 1,
      }),
      total: await transaction.auditEntry.count(),
    }));
  }
}
