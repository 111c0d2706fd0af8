import { head, label } from '#libs/contracts';

import type { HeadRow } from './head.repository.js';

/** Row -> message; `served`: its predictions are the ones that customers show. */
export function toHead(row: HeadRow, served: boolean): label.Head {
  return {
    id: row.id,
    labelSetId: row.labelSetId,
    modelId: row.modelId,
    spec: head.HeadSpec.fromJSON(row.spec),
    state: label.HeadState[row.state],
    progress: row.progress,
    step: row.step,
    remainingSeconds: row.remainingSeconds,
    error: row.error ?? '',
    evaluation: row.evaluation === null ? undefined : head.HeadEvaluation.fromJSON(row.evaluation),
    asOf: row.asOf?.toISOString(),
    requestedBy: row.requestedBy,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString(),
    finishedAt: row.finishedAt?.toISOString(),
    served,
  } satisfies label.Head;
}
