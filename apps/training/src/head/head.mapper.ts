import { head, label } from '#libs/contracts';
import type { Prisma } from '#libs/database';

import { asAudited } from '../run/run.mapper.js';
import type { HeadRow } from './head.repository.js';

/** Row -> message; `served`: its predictions are the ones that customers show. */
export function toHead(row: HeadRow, served: boolean): label.Head {
  const spec = head.HeadSpec.fromJSON(row.spec);
  return {
    id: row.id,
    labelSetId: row.labelSetId,
    modelId: row.modelId,
    spec,
    state: label.HeadState[row.state],
    progress: row.progress,
    step: row.step,
    remainingSeconds: row.remainingSeconds,
    error: row.error ?? '',
    ...evaluationOf(spec.task, row.evaluation),
    asOf: row.asOf?.toISOString(),
    requestedBy: asAudited(row.requestedBy),
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString(),
    finishedAt: row.finishedAt?.toISOString(),
    served,
  } satisfies label.Head;
}

/** As the worker told it, for the row. */
export function evaluationJson({ evaluation, numberEvaluation }: head.TrainHeadCompleted): Prisma.InputJsonObject {
  const told = numberEvaluation === undefined ? head.HeadEvaluation.toJSON(evaluation ?? head.HeadEvaluation.fromPartial({})) : head.NumberEvaluation.toJSON(numberEvaluation);
  return told as Prisma.InputJsonObject;
}

function evaluationOf(task: head.HeadTask, told: Prisma.JsonValue): Pick<label.Head, 'evaluation' | 'numberEvaluation'> {
  const isOfNumbers = task === head.HeadTask.REGRESSION;
  return {
    evaluation: told === null || isOfNumbers ? undefined : head.HeadEvaluation.fromJSON(told),
    numberEvaluation: told === null || !isOfNumbers ? undefined : head.NumberEvaluation.fromJSON(told),
  };
}
