import { Inject, Injectable } from '@nestjs/common';
import { NIL } from 'uuid';

import { type Database, Prisma, type schema, type Transaction } from '#libs/database';

import { DATABASE } from '../store.js';
import type { LabelCounts } from './label.kind.js';
import type { ReadLabel } from './label.reading.js';

/** A label set with what is counted of it. */
export interface LabelSetRow extends schema.LabelSet, LabelCounts {
  /** The head whose predictions are served. */
  readonly servedHeadId: string | null;
}

const NO_LABELS: LabelCounts = { labels: 0, ones: 0, lowest: null, mean: null, highest: null };

/** What is learned from. */
export type LabelRow = Pick<schema.Label, 'id' | 'userId' | 'value' | 'asOf' | 'addedAt'>;

/** A label, with the name of the set that it is of. */
export type PersonLabelRow = schema.Prisma.LabelGetPayload<{ include: { labelSet: true } }>;

/** Rows of label sets and labels. */
@Injectable()
export class LabelRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Undefined where the name is taken. */
  async create(workspaceId: string, set: Pick<schema.LabelSet, 'id' | 'name' | 'kind' | 'asOf' | 'requestedBy'>): Promise<LabelSetRow | undefined> {
    try {
      const row = await this.database.inWorkspace(workspaceId, (transaction) => transaction.labelSet.create({ data: { workspaceId, ...set, createdAt: new Date() } }));
      return { ...row, ...NO_LABELS, servedHeadId: null };
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return undefined;
      throw error;
    }
  }

  get(workspaceId: string, ids: readonly string[]): Promise<LabelSetRow[]> {
    return this.database.inWorkspace(workspaceId, async (transaction) =>
      counted(transaction, workspaceId, await transaction.labelSet.findMany({ where: { workspaceId, id: { in: [...ids] } } })),
    );
  }

  /** Newest first: ids are UUIDv7. One row more than `first` where there are more. */
  list(workspaceId: string, page: { first: number; after: string | undefined }): Promise<[LabelSetRow[], number]> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const where = page.after === undefined ? { workspaceId } : { workspaceId, id: { lt: page.after } };
      const rows = await transaction.labelSet.findMany({ where, orderBy: { id: 'desc' }, take: page.first + 1 });
      return [await counted(transaction, workspaceId, rows), await transaction.labelSet.count({ where: { workspaceId } })];
    });
  }

  /** A user's later label takes the place of the earlier one as of the same time. */
  async put(workspaceId: string, labelSetId: string, labels: readonly ReadLabel[]): Promise<number> {
    const users = labels.map(({ userId }) => userId);
    const values = labels.map(({ value }) => value);
    const times = labels.map(({ asOf }) => asOf?.toISOString() ?? null);
    return this.database.inWorkspace(
      workspaceId,
      (transaction) => transaction.$executeRaw`
        insert into training.labels (workspace_id, label_set_id, user_id, value, as_of, added_at)
        select ${workspaceId}::uuid, ${labelSetId}::uuid, user_id, value, as_of::timestamptz, now()
        from unnest(${users}::text[], ${values}::float8[], ${times}::text[]) as l (user_id, value, as_of)
        on conflict (workspace_id, label_set_id, user_id, as_of) do update set value = excluded.value, added_at = excluded.added_at`,
    );
  }

  /** Of a set, in order of their users, piece by piece. */
  async *labels(workspaceId: string, labelSetId: string, atOnce: number): AsyncGenerator<LabelRow[]> {
    for (let after: Pick<LabelRow, 'userId' | 'id'> = { userId: '', id: NIL }; ; ) {
      const rows = await this.database.inWorkspace(workspaceId, (transaction) => transaction.$queryRaw<LabelRow[]>`
        select id, user_id as "userId", value, as_of as "asOf", added_at as "addedAt" from training.labels
        where workspace_id = ${workspaceId}::uuid and label_set_id = ${labelSetId}::uuid and (user_id, id) > (${after.userId}, ${after.id}::uuid)
        order by user_id, id limit ${atOnce}`);
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < atOnce) return;
      after = last;
    }
  }

  ofUsers(workspaceId: string, userIds: readonly string[]): Promise<PersonLabelRow[]> {
    return this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.label.findMany({ where: { workspaceId, userId: { in: [...userIds] } }, include: { labelSet: true }, orderBy: [{ labelSetId: 'asc' }, { userId: 'asc' }, { asOf: 'asc' }] }),
    );
  }

  async forget(workspaceId: string, userIds: readonly string[]): Promise<number> {
    const { count } = await this.database.inWorkspace(workspaceId, (transaction) => transaction.label.deleteMany({ where: { workspaceId, userId: { in: [...userIds] } } }));
    return count;
  }

  /** With its labels and heads. False, and nothing is removed, while a head is being trained on it. */
  remove(workspaceId: string, id: string): Promise<boolean> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await transaction.$queryRaw`select 1 from training.label_sets where workspace_id = ${workspaceId}::uuid and id = ${id}::uuid for update`;
      const active = await transaction.head.count({ where: { workspaceId, labelSetId: id, state: { in: ['QUEUED', 'RUNNING'] } } });
      if (active > 0) return false;
      await transaction.labelSet.deleteMany({ where: { workspaceId, id } });
      return true;
    });
  }
}

async function counted(transaction: Transaction, workspaceId: string, sets: readonly schema.LabelSet[]): Promise<LabelSetRow[]> {
  const ids = sets.map(({ id }) => id);
  const counts = await transaction.$queryRaw<(LabelCounts & { id: string })[]>`
    select label_set_id as id, count(*)::int as labels, (count(*) filter (where value = 1))::int as ones, min(value) as lowest, avg(value) as mean, max(value) as highest
    from training.labels where workspace_id = ${workspaceId}::uuid and label_set_id = any(${ids}::uuid[]) group by label_set_id`;
  const served = await transaction.head.findMany({
    where: { workspaceId, labelSetId: { in: ids }, state: 'SUCCEEDED' }, orderBy: { id: 'desc' }, distinct: ['labelSetId'], select: { id: true, labelSetId: true },
  });
  return sets.map((set) => ({
    ...set,
    ...(counts.find(({ id }) => id === set.id) ?? NO_LABELS),
    servedHeadId: served.find(({ labelSetId }) => labelSetId === set.id)?.id ?? null,
  }));
}
