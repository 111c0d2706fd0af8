import { Inject, Injectable } from '@nestjs/common';

import { type Database, Prisma, type schema, type Transaction } from '#libs/database';
import { type Attempt, type HeadPayload, StaleAttempt } from '#libs/queue';

import { DATABASE } from '../store.js';
import { IDLE, renewHeads } from './head.renewal.js';

export type HeadState = schema.$Enums.HeadState;
export type HeadRow = schema.Head;
export type NewHead = Pick<HeadRow, 'id' | 'labelSetId' | 'modelId' | 'followsChampion' | 'requestedBy'> & { spec: Prisma.InputJsonObject };

/** What came of a head. */
export interface HeadResult {
  readonly evaluation: Prisma.InputJsonObject;
  readonly files: Prisma.InputJsonObject[];
  readonly asOf: Date;
}

export interface HeadProgress {
  readonly progress: number;
  readonly step: string;
  readonly remainingSeconds: number;
}

const ACTIVE: HeadState[] = ['QUEUED', 'RUNNING'];

/** Rows of heads; `open_work` follows them in the same transactions. */
@Injectable()
export class HeadRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Undefined while another head of the label set has not ended. */
  async create(workspaceId: string, head: NewHead): Promise<HeadRow | undefined> {
    try {
      return await this.database.inWorkspace(workspaceId, async (transaction) => {
        const row = await transaction.head.create({ data: { workspaceId, ...head, ...IDLE, createdAt: new Date() } });
        await transaction.openWork.create({ data: { workspaceId, kind: 'HEAD', id: head.id } });
        return row;
      });
    } catch (error) {
      // The key is fresh, so only `heads_one_active` can be violated.
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return undefined;
      throw error;
    }
  }

  active(workspaceId: string, labelSetId: string): Promise<HeadRow | null> {
    return this.database.inWorkspace(workspaceId, (transaction) => transaction.head.findFirst({ where: { workspaceId, labelSetId, state: { in: ACTIVE } } }));
  }

  get(workspaceId: string, ids: readonly string[]): Promise<HeadRow[]> {
    return this.database.inWorkspace(workspaceId, (transaction) => transaction.head.findMany({ where: { workspaceId, id: { in: [...ids] } } }));
  }

  /** Of some label sets, the head of each that is served: the newest that succeeded. */
  async served(workspaceId: string, labelSetIds: readonly string[]): Promise<Set<string>> {
    const where: Prisma.HeadWhereInput = { workspaceId, labelSetId: { in: [...labelSetIds] }, state: 'SUCCEEDED' };
    const rows = await this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.head.findMany({ where, orderBy: { id: 'desc' }, distinct: ['labelSetId'], select: { id: true } }),
    );
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Of each label set, newest first: ids are UUIDv7. One row more than `first` where there are more; with how many there are where that is
   * asked for: as many statements for many as for one.
   */
  listOfLabelSets(
    workspaceId: string,
    labelSetIds: string[],
    page: { first: number; after: string | undefined },
    withTotal: boolean,
  ): Promise<{ rows: HeadRow[]; totals: Map<string, number> }> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const ids = await transaction.$queryRaw<{ id: string }[]>`
        select h.id from unnest(${labelSetIds}::uuid[]) as s(id) cross join lateral (
          select id from training.heads where workspace_id = ${workspaceId}::uuid and label_set_id = s.id and (${page.after ?? null}::uuid is null or id < ${page.after ?? null}::uuid)
          order by id desc limit ${page.first + 1}) as h`;
      const rows = await transaction.head.findMany({ where: { workspaceId, id: { in: ids.map(({ id }) => id) } }, orderBy: { id: 'desc' } });
      const counted = withTotal ? await transaction.head.groupBy({ by: 'labelSetId', where: { workspaceId, labelSetId: { in: labelSetIds } }, _count: true }) : [];
      return { rows, totals: new Map(counted.map(({ labelSetId, _count }) => [labelSetId, _count])) };
    });
  }

  /** Asks a head to stop. Undefined: it has ended, or there is none. */
  async cancel(workspaceId: string, id: string): Promise<HeadRow | undefined> {
    const where = { workspaceId, id, state: { in: ACTIVE } };
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const [row] = await transaction.head.updateManyAndReturn({ where, data: { cancelRequested: true, step: 'stopping', remainingSeconds: 0 } });
      return row;
    });
  }

  /** Over all workspaces. */
  async open(): Promise<HeadPayload[]> {
    const rows = await this.database.prisma.openWork.findMany({ where: { kind: 'HEAD' }, orderBy: { id: 'asc' }, take: 1_000 });
    return rows.map(({ workspaceId, id }) => ({ workspaceId, headId: id }));
  }

  /** Begins an attempt, which ends the right of any earlier one to write; undefined: the head has ended, or is gone. */
  async begin(workspaceId: string, id: string): Promise<HeadRow | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const where = { workspaceId, id, state: { in: ACTIVE } };
      const [row] = await transaction.head.updateManyAndReturn({ where, data: { state: 'RUNNING', fence: { increment: 1 } } });
      if (!row) {
        await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'HEAD', id } });
        return undefined;
      }
      if (row.startedAt) return row;
      return transaction.head.update({ where: { workspaceId_id: { workspaceId, id } }, data: { startedAt: new Date() } });
    });
  }

  /** Throws StaleAttempt. */
  report(attempt: Attempt, { progress, ...told }: HeadProgress): Promise<void> {
    return this.database.inWorkspace(attempt.workspaceId, (transaction) => write(transaction, attempt, { ...told, progress }));
  }

  /** Throws StaleAttempt. */
  succeed(attempt: Attempt, result: HeadResult): Promise<void> {
    return this.end(attempt, { state: 'SUCCEEDED', progress: 1, ...result });
  }

  /** Throws StaleAttempt. */
  fail(attempt: Attempt, state: 'FAILED' | 'CANCELLED', error = ''): Promise<void> {
    return this.end(attempt, state === 'FAILED' ? { state, error } : { state });
  }

  private async end(attempt: Attempt, data: Prisma.HeadUpdateManyMutationInput): Promise<void> {
    const { workspaceId, id } = attempt;
    await this.database.inWorkspace(workspaceId, async (transaction) => {
      await write(transaction, attempt, { ...data, step: '', remainingSeconds: 0, finishedAt: new Date() });
      await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'HEAD', id } });
      // A champion that came while it was learned.
      if (data.state === 'SUCCEEDED') await renewHeads(transaction, workspaceId);
    });
  }
}

async function write(transaction: Transaction, { workspaceId, id, fence }: Attempt, data: Prisma.HeadUpdateManyMutationInput): Promise<void> {
  const { count } = await transaction.head.updateMany({ where: { workspaceId, id, fence, state: 'RUNNING' }, data });
  if (count === 0) throw new StaleAttempt();
}
