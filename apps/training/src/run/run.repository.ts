import { Inject, Injectable } from '@nestjs/common';

import { type Database, Prisma, type schema } from '#libs/database';

import { DATABASE } from '../store.js';
import { isTerminal, type RunState, transition } from './run.states.js';

export type RunRow = schema.Run;
export type WholeRunRow = schema.Prisma.RunGetPayload<{ include: { steps: true; metrics: true } }>;
export type ListedRunRow = schema.Prisma.RunGetPayload<{ include: { steps: true } }>;

export interface NewRun {
  id: string;
  trigger: schema.$Enums.RunTrigger;
  requestedBy: string;
  spec: Prisma.InputJsonObject;
  specVersion: number;
  sampleFraction: number;
  seed: bigint;
  codeVersion: string;
}

export interface OpenWork {
  workspaceId: string;
  kind: schema.$Enums.OpenWorkKind;
  id: string;
}

/** A fresh fence is given this long to appear in the queue before it counts as lost. */
const ENQUEUE_MS = 1_000;
/** An execution that was not heard of for this long is dead. */
export const HOLDER_ALIVE_MS = 2_000;
/** The last execution of a run was not heard of for so long; a clock that was set back does not make it live for ever. */
const isSilent = Prisma.sql`(holder_seen_at < now() - ${HOLDER_ALIVE_MS} * interval '1 ms' or holder_seen_at > now() + interval '1 min')`;

/** What requests and the reconciler do to runs; the fenced writes of steps are in step.repository.ts. */
@Injectable()
export class RunRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Undefined when another run of the workspace is not terminal. */
  async create(workspaceId: string, run: NewRun): Promise<WholeRunRow | undefined> {
    try {
      return await this.database.inWorkspace(workspaceId, async (transaction) => {
        const now = new Date();
        const idle = { fence: 1, fencedAt: now, revision: 0, progress: 0, step: 'waiting to begin', rate: 0, rateUnit: '', remainingSeconds: 0 };
        const counts = { events: 0n, customers: 0n };
        const row = await transaction.run.create({
          data: { workspaceId, ...run, state: 'QUEUED', ...idle, ...counts, createdAt: now },
          include: { steps: true, metrics: true },
        });
        await transaction.openWork.create({ data: { workspaceId, kind: 'RUN', id: run.id } });
        return row;
      });
    } catch (error) {
      // The key is fresh, so only `runs_one_active` can be violated.
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return undefined;
      throw error;
    }
  }

  active(workspaceId: string): Promise<RunRow | null> {
    return this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.run.findFirst({ where: { workspaceId, state: { notIn: ['SUCCEEDED', 'FAILED', 'CANCELLED'] } } }),
    );
  }

  get(workspaceId: string, id: string): Promise<WholeRunRow | null> {
    return this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.run.findUnique({ where: { workspaceId_id: { workspaceId, id } }, include: { steps: true, metrics: true } }),
    );
  }

  several(workspaceId: string, ids: readonly string[]): Promise<ListedRunRow[]> {
    return this.database.inWorkspace(workspaceId, (transaction) => transaction.run.findMany({ where: { workspaceId, id: { in: [...ids] } }, include: { steps: true } }));
  }

  /** The same with their curves. */
  whole(workspaceId: string, ids: readonly string[]): Promise<WholeRunRow[]> {
    return this.database.inWorkspace(workspaceId, (transaction) => transaction.run.findMany({ where: { workspaceId, id: { in: [...ids] } }, include: { steps: true, metrics: true } }));
  }

  /** Changes whenever a watcher has something new to see. */
  async revision(workspaceId: string, id: string): Promise<number | undefined> {
    const row = await this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.run.findUnique({ where: { workspaceId_id: { workspaceId, id } }, select: { revision: true } }),
    );
    return row?.revision;
  }

  /** Newest first: ids are UUIDv7. One row more than `first` where there are more. */
  list(workspaceId: string, page: { first: number; after: string | undefined; state: RunState | undefined }): Promise<[ListedRunRow[], number]> {
    const where = { workspaceId, ...(page.state ? { state: page.state } : {}) };
    return this.database.inWorkspace(workspaceId, async (transaction) => [
      await transaction.run.findMany({
        where: page.after === undefined ? where : { ...where, id: { lt: page.after } },
        orderBy: { id: 'desc' },
        take: page.first + 1,
        include: { steps: true },
      }),
      await transaction.run.count({ where }),
    ]);
  }

  /** Asks a run to stop: nobody who held a token before may write any more. Undefined: no such run; null: it has ended. */
  cancel(workspaceId: string, id: string): Promise<WholeRunRow | null | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await transaction.$queryRaw`select 1 from training.runs where workspace_id = ${workspaceId}::uuid and id = ${id}::uuid for update`;
      const key = { workspaceId_id: { workspaceId, id } };
      const include = { steps: true, metrics: true };
      const run = await transaction.run.findUnique({ where: key, include });
      if (!run) return undefined;
      if (isTerminal(run.state)) return null;
      if (run.state === 'CANCELLING') return run;
      const state = transition(run.state, 'CANCELLING');
      const data = { state, fence: { increment: 1 }, revision: { increment: 1 }, step: 'stopping', rate: 0, remainingSeconds: 0 };
      return transaction.run.update({ where: key, data, include });
    });
  }

  /** Ends a run that was asked to stop, unless an execution of it still holds it and lives. */
  async setCancelled(workspaceId: string, id: string): Promise<void> {
    const state = transition('CANCELLING', 'CANCELLED');
    await this.database.inWorkspace(
      workspaceId,
      (transaction) => transaction.$executeRaw`
        update training.runs set state = ${state}::training.run_state, holder = null, step = '', revision = revision + 1,
          finished_at = greatest(now(), started_at)
        where workspace_id = ${workspaceId}::uuid and id = ${id}::uuid and state = 'CANCELLING' and (holder is null or ${isSilent})`,
    );
  }

  /**
   * True once a cancelled or failed run's last execution has been gone for as long as the worker promises to take for
   * stopping (two seconds): from then on what it left behind can be removed for good.
   */
  async isAtRest(workspaceId: string, id: string): Promise<boolean> {
    const rows = await this.database.inWorkspace(
      workspaceId,
      (transaction) => transaction.$queryRaw<unknown[]>`
        select 1 from training.runs
        where workspace_id = ${workspaceId}::uuid and id = ${id}::uuid and state in ('CANCELLED', 'FAILED') and (holder_seen_at is null or ${isSilent})`,
    );
    return rows.length > 0;
  }

  /** Nothing is left to do for the run. */
  async close(workspaceId: string, id: string): Promise<void> {
    await this.database.inWorkspace(workspaceId, (transaction) => transaction.openWork.deleteMany({ where: { workspaceId, kind: 'RUN', id } }));
  }

  /** Runs and models, over all workspaces. */
  openWork(): Promise<OpenWork[]> {
    return this.database.prisma.openWork.findMany({ where: { kind: { in: ['RUN', 'MODEL'] } }, orderBy: { id: 'asc' }, take: 1_000 });
  }

  /** A run's state and fence if nobody works on it, else undefined. */
  async unattended(workspaceId: string, id: string): Promise<{ state: RunState; fence: number } | undefined> {
    const rows = await this.database.inWorkspace(
      workspaceId,
      (transaction) => transaction.$queryRaw<{ state: RunState; fence: number }[]>`
        select state::text, fence from training.runs
        where workspace_id = ${workspaceId}::uuid and id = ${id}::uuid
          and fenced_at not between now() - ${ENQUEUE_MS} * interval '1 ms' and now() + ${ENQUEUE_MS} * interval '1 ms'
          and (holder is null or holder_seen_at not between now() - ${HOLDER_ALIVE_MS} * interval '1 ms' and now() + ${HOLDER_ALIVE_MS} * interval '1 ms')`,
    );
    return rows[0];
  }

  /** Gives the run a new token if `seen` is still its present one; undefined when somebody else did. */
  async refence(workspaceId: string, id: string, seen: number): Promise<number | undefined> {
    const rows = await this.database.inWorkspace(
      workspaceId,
      (transaction) => transaction.$queryRaw<{ fence: number }[]>`
        update training.runs set fence = fence + 1, fenced_at = now(), holder = null
        where workspace_id = ${workspaceId}::uuid and id = ${id}::uuid and fence = ${seen}
          and state not in ('SUCCEEDED', 'FAILED', 'CANCELLING', 'CANCELLED')
        returning fence`,
    );
    return rows[0]?.fence;
  }
}
