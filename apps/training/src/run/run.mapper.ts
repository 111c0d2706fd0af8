import type { Actor } from '#libs/auth';
import { training, worker } from '#libs/contracts';
import { RUN_STEPS } from '#libs/queue';

import type { ListedRunRow, WholeRunRow } from './run.repository.js';

/** Row -> message, without the points of curves. */
export function toListedRun(row: ListedRunRow): training.Run {
  return {
    id: row.id,
    state: training.RunState[row.state],
    trigger: training.RunTrigger[row.trigger],
    requestedBy: asAudited(row.requestedBy),
    spec: worker.TrainingSpec.fromJSON(row.spec),
    progress: row.progress,
    step: row.step,
    rate: row.rate,
    rateUnit: row.rateUnit,
    remainingSeconds: row.remainingSeconds,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString(),
    finishedAt: row.finishedAt?.toISOString(),
    error: errorOf(row),
    metrics: [],
    modelId: row.modelId ?? '',
    steps: stepsOf(row),
    events: Number(row.events),
    customers: Number(row.customers),
    position: positionOf(row),
  } satisfies training.Run;
}

/** Row -> message, with its curves. */
export function toRun(row: WholeRunRow): training.Run {
  const metrics = [...row.metrics].sort((a, b) => a.name.localeCompare(b.name));
  return {
    ...toListedRun(row),
    metrics: metrics.map(({ name, steps, values }) => ({
      name,
      points: steps.map((step, index) => ({ step: Number(step), value: values[index] ?? 0 })),
    })),
  };
}

function positionOf({ positionHorizon, positionSequence }: ListedRunRow): training.Run['position'] {
  return positionHorizon === null || positionSequence === null ? undefined : { horizon: Number(positionHorizon), sequence: Number(positionSequence) };
}

function errorOf({ errorCode, errorMessage, errorState }: ListedRunRow): training.RunError | undefined {
  if (errorCode === null) return undefined;
  return { code: errorCode, message: errorMessage ?? '', state: training.RunState[errorState ?? 'FAILED'] };
}

function stepsOf({ steps }: ListedRunRow): training.RunStep[] {
  return RUN_STEPS.flatMap((state) => {
    const step = steps.find((candidate) => candidate.state === state);
    if (!step) return [];
    const { startedAt, finishedAt, attempts } = step;
    return [{ state: training.RunState[state], startedAt: startedAt.toISOString(), finishedAt: finishedAt?.toISOString(), attempts }];
  });
}

/** `key:<id>` is kept as the key's id, `service:<name>` as it is. */
export const actorOf = (actor: Actor): string => actor.replace(/^key:/, '');

/** Who it was, of what is kept, as the audit trail names them. */
export const asAudited = (kept: string): string => (kept.includes(':') ? kept : `key:${kept}`);
