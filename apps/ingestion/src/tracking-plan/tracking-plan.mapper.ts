import { trackingPlan } from '#libs/contracts';

import type { PlanMode, PlanRows, ViolationRow } from './tracking-plan.repository.js';

/** Undefined: as it stands. */
export function modeOf(mode: trackingPlan.PlanMode): PlanMode | undefined {
  if (mode === trackingPlan.PlanMode.UNSPECIFIED) return undefined;
  return mode === trackingPlan.PlanMode.ENFORCE ? 'ENFORCE' : 'OBSERVE';
}

export function planOf({ version, events }: PlanRows): trackingPlan.TrackingPlan {
  return {
    version,
    events: events.map((row) => ({
      event: row.event_name,
      schema: JSON.stringify(row.schema),
      mode: trackingPlan.PlanMode[row.mode],
      sinceVersion: row.version,
      setAt: row.set_at,
      setBy: row.set_by,
    })),
  } satisfies trackingPlan.TrackingPlan;
}

export function violationOf(row: ViolationRow): trackingPlan.TrackingPlanViolation {
  return {
    event: row.event_name,
    property: row.property,
    rule: row.rule,
    source: row.source,
    count: Number(row.count),
    refused: Number(row.refused),
    firstHour: row.first_hour,
    lastHour: row.last_hour,
    exampleMessageId: row.example_message_id,
  } satisfies trackingPlan.TrackingPlanViolation;
}
