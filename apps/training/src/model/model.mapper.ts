import { novelty, training, worker } from '#libs/contracts';

import type { ModelRow } from './model.repository.js';

/** Row -> message. */
export function toModel(row: ModelRow): training.Model {
  return {
    id: row.id,
    version: row.version,
    state: training.ModelState[row.state],
    runId: row.runId,
    createdAt: row.createdAt.toISOString(),
    promotedAt: row.promotedAt?.toISOString(),
    uri: row.uri,
    hash: row.hash,
    position: { horizon: Number(row.positionHorizon), sequence: Number(row.positionSequence) },
    events: Number(row.events),
    customers: Number(row.customers),
    segmentCount: row.segmentCount,
    measures: (row.measures as unknown[]).map((measure) => worker.Measure.fromJSON(measure)),
    verdict: row.verdict,
    ordinaryNovelty: ordinaryNoveltyOf(row.ordinaryNovelty),
    evaluationSample: row.evaluationSample === null ? undefined : worker.PopulationSample.fromJSON(row.evaluationSample),
  } satisfies training.Model;
}

/** As it is kept; undefined where it was not measured. */
export function ordinaryNoveltyOf(kept: unknown): novelty.OrdinaryNovelty | undefined {
  return kept === null || kept === undefined ? undefined : novelty.OrdinaryNovelty.fromJSON(kept);
}
