import { Injectable } from '@nestjs/common';

import type { schema, Transaction } from '#libs/database';

import { AccessDatabase } from '../database.provider.js';
import type { Cut } from '../page.js';

import type { WorkspaceRow } from './workspace.mapper.js';
import type { Settings } from './workspace.settings.js';

/** What is written when a workspace begins; its keys come in the same transaction. */
export interface NewWorkspace {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly settings: Settings;
  readonly changedBy: string;
}

@Injectable()
export class WorkspaceRepository {
  constructor(private readonly database: AccessDatabase) {}

  async find(id: string): Promise<WorkspaceRow | undefined> {
    return this.database.inWorkspace(id, (transaction) => read(transaction, { id }));
  }

  async findBySlug(slug: string): Promise<WorkspaceRow | undefined> {
    return this.database.acrossWorkspaces.$transaction((transaction) => read(transaction, { slug }));
  }

  /** In order of making, one more than asked for where there are more. */
  async list({ rows, after }: Cut): Promise<{ found: WorkspaceRow[]; total: number }> {
    return this.database.acrossWorkspaces.$transaction(async (transaction) => {
      const workspaces = await transaction.workspace.findMany({
        ...(after === undefined ? {} : { where: { id: { gt: after } } }),
        orderBy: { id: 'asc' },
        take: rows + 1,
      });
      const settings = await transaction.workspaceSettings.findMany({
        where: { OR: workspaces.map(({ id, settingsVersion }) => ({ workspaceId: id, version: settingsVersion })) },
      });
      const byWorkspace = new Map(settings.map((row) => [row.workspaceId, row]));
      const found = workspaces.flatMap((workspace) => {
        const its = byWorkspace.get(workspace.id);
        return its ? [{ workspace, settings: its }] : [];
      });
      return { found, total: await transaction.workspace.count() };
    });
  }

  /** False where the slug is taken; then nothing is written. Of two at once one waits for the other. */
  async create(workspace: NewWorkspace, withKeys: (transaction: Transaction) => Promise<void>): Promise<boolean> {
    return this.database.inWorkspace(workspace.id, async (transaction) => {
      const inserted = await transaction.$executeRaw`
        insert into access.workspaces (id, slug, name, settings_version)
        values (${workspace.id}::uuid, ${workspace.slug}, ${workspace.name}, 1)
        on conflict (slug) do nothing`;
      if (inserted === 0) return false;
      await insertSettings(transaction, workspace.id, 1, workspace.settings, workspace.changedBy);
      await withKeys(transaction);
      return true;
    });
  }

  /** Writes what `change` makes of the present settings, as the next version; nobody else changes them meanwhile. */
  async changeSettings(
    id: string,
    changedBy: string,
    change: (present: schema.WorkspaceSettings) => Settings,
  ): Promise<WorkspaceRow | undefined> {
    return this.database.inWorkspace(id, async (transaction) => {
      await transaction.$queryRaw`select id from access.workspaces where id = ${id}::uuid for update`;
      const present = await read(transaction, { id });
      if (!present) return undefined;
      const version = present.settings.version + 1;
      await insertSettings(transaction, id, version, change(present.settings), changedBy);
      await transaction.$executeRaw`update access.workspaces set settings_version = ${version} where id = ${id}::uuid`;
      return read(transaction, { id });
    });
  }
}

async function read(transaction: Transaction, where: { id: string } | { slug: string }): Promise<WorkspaceRow | undefined> {
  const workspace = await transaction.workspace.findUnique({ where });
  if (!workspace) return undefined;
  const settings = await transaction.workspaceSettings.findUniqueOrThrow({
    where: { workspaceId_version: { workspaceId: workspace.id, version: workspace.settingsVersion } },
  });
  return { workspace, settings };
}

async function insertSettings(transaction: Transaction, workspaceId: string, version: number, settings: Settings, changedBy: string): Promise<void> {
  await transaction.workspaceSettings.create({ data: { workspaceId, version, changedBy, ...settings } });
}
