import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import { type Database, Prisma, type schema, type Transaction } from '#libs/database';
import type { RunStepName, RunStepPayload } from '#libs/queue';

import type { Curve } from '../run/run.curve.js';
import { HOLDER_ALIVE_MS } from '../run/run.repository.js';
import { isTerminal, transition } from '../run/run.states.js';
import { DATABASE } from '../store.js';
import type { Failure } from './failure.js';

/** The right to write a run's results: its fence, and this one execution of the step under it. */
export interface StepToken extends RunStepPayload {
  readonly holder: string;
}

export interface BegunStep {
  readonly token: StepToken;
  readonly run: schema.Run;
  readonly steps: readonly schema.RunStep[];
  readonly input: unknown;
  readonly curves: readonly schema.RunMetric[];
}

/** What a throttled report carries; fields that did not change since the last one are left out. */
export interface StepPatch {
  progress?: { progress: number; step: string; rate: number; rateUnit: string; remainingSeconds: number };
  curves: ReadonlyMap<string, Curve>;
  /** The peer has been heard since the last report. */
  isPeerHeard: boolean;
}

/** What a run says it does until the step itself has told something. */
const BEGINNING: Record<RunStepName, string> = {
  SNAPSHOTTING: 'exporting events',
  TRAINING: 'beginning to train',
  DISCOVERING: 'beginning to look for segments',
  EVALUATING: 'beginning to measure',
  BACKFILLING: 'beginning to read everyone',
};

/** Somebody with a later token writes this run now, or it was cancelled. */
export class StaleToken extends Error {
  constructor(token: StepToken) {
    super(`token ${token.fence} of run ${token.runId} no longer holds`);
    this.name = 'StaleToken';
  }
}

/** Writes of a step's execution. Each asks for the token: without it, nothing is written and StaleToken is thrown. */
@Injectable()
export class StepRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Takes the run for a new execution of a step. `STALE`: nothing to do, now or ever; `DONE`: the step has
   * finished before; `HELD`: another execution still lives, so try again.
   */
  begin(
    { workspaceId, runId, state, fence }: RunStepPayload,
    decide: (transaction: Transaction) => Promise<Prisma.InputJsonObject>,
  ): Promise<BegunStep | 'STALE' | 'DONE' | 'HELD'> {
    const holder = uuid();
    const key = { workspaceId_runId_state: { workspaceId, runId, state } };
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const [lock] = await transaction.$queryRaw<{ held: boolean }[]>`
        select holder is not null and holder_seen_at between now() - ${HOLDER_ALIVE_MS} * interval '1 ms'
          and now() + ${HOLDER_ALIVE_MS} * interval '1 ms' as held
        from training.runs where workspace_id = ${workspaceId}::uuid and id = ${runId}::uuid for update`;
      const run = await transaction.run.findUnique({ where: { workspaceId_id: { workspaceId, id: runId } }, include: { steps: true, metrics: true } });
      if (!run || run.fence !== fence || isTerminal(run.state) || run.state === 'CANCELLING') return 'STALE';
      const before = run.steps.find((step) => step.state === state);
      if (before?.finishedAt) return 'DONE';
      if (lock?.held) return 'HELD';
      const next = transition(run.state, state);
      const input = before ? before.input : await decide(transaction);
      const now = new Date();
      await transaction.runStep.upsert({
        where: key,
        create: { workspaceId, runId, state, startedAt: now, attempts: 1, failures: 0, input: input ?? {} },
        update: { attempts: { increment: 1 } },
      });
      await transaction.$executeRaw`
        update training.runs set state = ${next}::training.run_state, holder = ${holder}::uuid, holder_seen_at = now(),
          started_at = coalesce(started_at, now()), step = ${BEGINNING[state]}, rate = 0, rate_unit = '', remaining_seconds = 0,
          revision = revision + 1
        where workspace_id = ${workspaceId}::uuid and id = ${runId}::uuid`;
      const { steps, metrics, ...row } = run;
      return { token: { workspaceId, runId, state, fence, holder }, run: row, steps, input, curves: metrics };
    });
  }

  /** Says that the execution lives, and what is new. */
  report(token: StepToken, { progress, curves, isPeerHeard }: StepPatch): Promise<void> {
    const isNews = progress !== undefined || curves.size > 0;
    const news = progress
      ? Prisma.sql`, progress = greatest(progress, ${progress.progress}), step = ${progress.step}, rate = ${progress.rate},
          rate_unit = ${progress.rateUnit}, remaining_seconds = ${progress.remainingSeconds}`
      : Prisma.empty;
    const heard = isPeerHeard ? Prisma.sql`, absent_since = null` : Prisma.empty;
    return this.database.inWorkspace(token.workspaceId, async (transaction) => {
      await this.write(transaction, token, Prisma.sql`holder_seen_at = now(), revision = revision + ${isNews ? 1 : 0} ${news} ${heard}`);
      for (const [name, curve] of curves) await writeCurve(transaction, token, name, curve);
    });
  }

  /** Ends the step; `conclude` may change more of the run in the same transaction. */
  finish(
    token: StepToken,
    result: Prisma.InputJsonObject,
    conclude: (transaction: Transaction, run: schema.Run) => Promise<Prisma.RunUpdateInput>,
  ): Promise<void> {
    const { workspaceId, runId, state } = token;
    const key = { workspaceId_id: { workspaceId, id: runId } };
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await this.write(transaction, token, Prisma.sql`holder = null, revision = revision + 1, absent_since = null`);
      await transaction.$executeRaw`
        update training.run_steps set finished_at = greatest(now(), started_at), result = ${JSON.stringify(result)}::jsonb
        where workspace_id = ${workspaceId}::uuid and run_id = ${runId}::uuid and state = ${state}::training.run_state`;
      const run = await transaction.run.findUniqueOrThrow({ where: key });
      const data = await conclude(transaction, run);
      if (Object.keys(data).length > 0) await transaction.run.update({ where: key, data });
    });
  }

  /** Ends the run without a result. It stays open until what it left behind is gone. */
  fail(token: StepToken, { code, message }: Failure): Promise<void> {
    const state = transition(token.state, 'FAILED');
    return this.database.inWorkspace(token.workspaceId, (transaction) =>
      this.write(
        transaction,
        token,
        Prisma.sql`state = ${state}::training.run_state, holder = null, revision = revision + 1, step = '', rate = 0, remaining_seconds = 0,
          finished_at = greatest(now(), started_at), error_code = ${code}, error_message = ${message}, error_state = ${token.state}::training.run_state`,
      ),
    );
  }

  /** Notes that an attempt came to nothing, and answers how bad that is by now. */
  noteAttempt(token: StepToken, { isAbsence, step }: { isAbsence: boolean; step: string }): Promise<{ failures: number; absentSeconds: number }> {
    const { workspaceId, runId, state } = token;
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const absence = isAbsence ? Prisma.sql`coalesce(absent_since, now())` : Prisma.sql`absent_since`;
      await this.write(
        transaction,
        token,
        Prisma.sql`holder_seen_at = now(), absent_since = ${absence}, step = ${step}, rate = 0, remaining_seconds = 0, revision = revision + 1`,
      );
      const { failures } = await transaction.runStep.update({
        where: { workspaceId_runId_state: { workspaceId, runId, state } },
        data: isAbsence ? {} : { failures: { increment: 1 } },
      });
      const [row] = await transaction.$queryRaw<{ absent: number }[]>`
        select coalesce(extract(epoch from now() - absent_since), 0)::float8 as absent from training.runs
        where workspace_id = ${workspaceId}::uuid and id = ${runId}::uuid`;
      return { failures, absentSeconds: row?.absent ?? 0 };
    });
  }

  /** Says that this execution is over, whatever became of it. From here on its peer stops too. */
  async release({ workspaceId, runId, holder }: StepToken): Promise<void> {
    await this.database.inWorkspace(
      workspaceId,
      (transaction) => transaction.$executeRaw`
        update training.runs set holder = null, holder_seen_at = now()
        where workspace_id = ${workspaceId}::uuid and id = ${runId}::uuid and holder = ${holder}::uuid`,
    );
  }

  private async write(transaction: Transaction, token: StepToken, changes: Prisma.Sql): Promise<void> {
    const { workspaceId, runId, fence, holder, state } = token;
    const written = await transaction.$executeRaw`
      update training.runs set ${changes}
      where workspace_id = ${workspaceId}::uuid and id = ${runId}::uuid and fence = ${fence} and holder = ${holder}::uuid
        and state = ${state}::training.run_state`;
    if (written === 0) throw new StaleToken(token);
  }
}

async function writeCurve(transaction: Transaction, { workspaceId, runId }: { workspaceId: string; runId: string }, name: string, curve: Curve) {
  const points = { steps: curve.steps.map(BigInt), values: curve.values };
  await transaction.runMetric.upsert({
    where: { workspaceId_runId_name: { workspaceId, runId, name } },
    create: { workspaceId, runId, name, ...points },
    update: points,
  });
}

