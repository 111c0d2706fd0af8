import { countedAt } from '../counting/count.resolver.js';
import type { ResolversOf } from '../graphql/complete.js';
import { rowsOf } from '../graphql/connection.js';
import { expecting, outcomeOf } from '../graphql/expected.js';
import { PlanMode } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { jsonText, parseJson } from '../graphql/scalar.js';

export const trackingPlanQueries = {
  trackingPlan: async (_root, _args, { rpc }) => present((await rpc.plans.getTrackingPlan({})).plan, 'plan'),
  trackingPlanViolations: async (root, { event, from, first }, { rpc, askedAt }) => {
    const rows = rowsOf(first);
    const { violations, totalCount } = await rpc.plans.listTrackingPlanViolations({ event: event ?? '', from: from ?? undefined, first: Math.max(rows, 1) });
    return { nodes: violations.slice(0, rows), totalCount, countedAt: countedAt(root, {}, { askedAt }) };
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const trackingPlanMutations = {
  setTrackingPlanEvent: (_root, { input: { event, schema, mode } }, { rpc }) =>
    expecting({ SCHEMA_INVALID: 'SchemaInvalid', PLAN_FULL: 'PlanFull', NOT_FOUND: 'NotFound' }, async () =>
      present((await rpc.plans.setTrackingPlanEvent({ event, schema: jsonText(schema), mode: mode ?? PlanMode.UNSPECIFIED })).plan, 'plan'),
    ),
  removeTrackingPlanEvent: (_root, { event }, { rpc }) =>
    expecting({ NOT_FOUND: 'NotFound' }, async () => present((await rpc.plans.removeTrackingPlanEvent({ event })).plan, 'plan')),
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const trackingPlanTypes: ResolversOf<'TrackingPlanEvent' | 'TrackingPlanViolation' | 'SchemaInvalid' | 'SetTrackingPlanEventResult' | 'RemoveTrackingPlanEventResult'> = {
  TrackingPlanEvent: {
    schema: ({ schema }) => parseJson(schema),
    mode: ({ mode }) => (mode === PlanMode.UNSPECIFIED ? PlanMode.OBSERVE : mode),
    setAt: ({ setAt }) => present(setAt, 'setAt'),
  },
  TrackingPlanViolation: {
    firstHour: ({ firstHour }) => present(firstHour, 'firstHour'),
    lastHour: ({ lastHour }) => present(lastHour, 'lastHour'),
    exampleMessageId: ({ exampleMessageId }) => orNull(exampleMessageId),
  },
  SchemaInvalid: {
    path: ({ facts }) => facts['path'] ?? '',
  },
  SetTrackingPlanEventResult: outcomeOf('TrackingPlan'),
  RemoveTrackingPlanEventResult: outcomeOf('TrackingPlan'),
};
