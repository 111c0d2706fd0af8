import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { access, feed } from '#libs/contracts';
import type { schema } from '#libs/database';
import { RpcError } from '#libs/grpc';

import { cutOf, pageOf } from '../page.js';

import { type AuditFilter, AuditRepository } from './audit.repository.js';

const LONGEST_DETAILS = 16_384;

@Injectable()
export class AuditService {
  constructor(private readonly entries: AuditRepository) {}

  /** Id and time are given here: a caller cannot write into the past. */
  async record(workspaceId: string, entry: access.AuditEntry | undefined): Promise<void> {
    if (!entry?.actor || !entry.action) throw RpcError.invalid('Say who did what.', { reason: 'AUDIT_INVALID' });
    const details = entry.details || '{}';
    await this.entries.append({
      workspaceId,
      id: uuid(),
      actor: clean(entry.actor),
      action: clean(entry.action),
      target: clean(entry.target),
      details: clean(details.length > LONGEST_DETAILS ? JSON.stringify({ leftOut: `${details.length} characters` }) : details),
      outcome: clean(entry.outcome || 'OK'),
    });
  }

  async list(workspaceId: string, page: feed.PageRequest | undefined, filter: AuditFilter): Promise<access.ListAuditResponse> {
    const cut = cutOf(page);
    const { found, total } = await this.entries.list(workspaceId, filter, cut);
    const { rows, pageInfo } = pageOf(found, cut, total);
    return { entries: rows.map(toAuditEntry), pageInfo };
  }
}

function toAuditEntry(row: schema.AuditEntry): access.AuditEntry {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actor: row.actor,
    action: row.action,
    target: row.target,
    details: row.details,
    outcome: row.outcome,
  } satisfies access.AuditEntry;
}

/** Postgres refuses NUL in text, and what is audited may come from anyone. */
function clean(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}');
}
