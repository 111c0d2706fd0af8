import { unusual } from '#libs/contracts';

import { unusualCursor } from '../change/change.cursor.js';
import { customerThreshold, measuredThreshold, type Threshold } from './threshold.js';
import type { NoveltyRow, ServedBounds, UnusualChangeRow, UnusualRow } from './unusual.repository.js';

const CAUSE: Record<UnusualChangeRow['cause'], unusual.UnusualCause> = {
  READING: unusual.UnusualCause.READING,
  PROMOTION: unusual.UnusualCause.PROMOTION,
  THRESHOLD: unusual.UnusualCause.THRESHOLD,
};

export function toThreshold(threshold: Threshold | undefined): unusual.NoveltyThreshold | undefined {
  return threshold && ({ threshold: threshold.threshold, quantile: threshold.quantile, overridden: threshold.isOverridden } satisfies unusual.NoveltyThreshold);
}

export function toThresholds({ modelId, ordinary, setting }: ServedBounds): unusual.GetNoveltyThresholdsResponse {
  return {
    customers: toThreshold(modelId === null ? undefined : customerThreshold(ordinary?.customers, setting)),
    events: toThreshold(measuredThreshold(ordinary?.events, setting)),
    measured: ordinary,
    modelId: modelId ?? '',
  } satisfies unusual.GetNoveltyThresholdsResponse;
}

export function toNovelty(customerId: string, row: NoveltyRow | undefined): unusual.CustomerNovelty {
  return { customerId, novelty: row?.novelty, since: row?.since?.toISOString() } satisfies unusual.CustomerNovelty;
}

export function toUnusual({ customerId, novelty, since, isTold, modelId }: UnusualRow, cursor: string): unusual.UnusualCustomer {
  return { customerId, novelty, since: since.toISOString(), told: isTold, modelId, cursor } satisfies unusual.UnusualCustomer;
}

export function toUnusualChange(row: UnusualChangeRow): unusual.UnusualChange {
  return {
    cursor: unusualCursor.write([row.xid, row.sequence]),
    customerId: row.customerId,
    isUnusual: row.isUnusual,
    novelty: row.novelty,
    threshold: row.threshold ?? undefined,
    at: row.at.toISOString(),
    decidedAt: row.decidedAt.toISOString(),
    modelId: row.modelId,
    cause: CAUSE[row.cause],
  } satisfies unusual.UnusualChange;
}
