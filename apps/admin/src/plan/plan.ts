import type { TrackingPlanQuery } from '../gen/graphql';

export type Declared = TrackingPlanQuery['trackingPlan']['events'][number];
export type Violation = TrackingPlanQuery['trackingPlanViolations']['nodes'][number];
