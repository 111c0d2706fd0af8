import { countedAt } from '../counting/count.resolver.js';
import type { ResolversOf } from '../graphql/complete.js';
import { rowsAsked } from '../graphql/connection.js';
import { expecting, outcomeOf } from '../graphql/expected.js';
import { PlanMode } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { jsonText, parseJson } from '../graphql/scalar.js';

export const trackingPlanQueries = {
  trackingPlan: async (_root, _args, { rpc }) => present((await rpc.plans.getTrackingPlan({})).plan, 'plan'),
  trackingPlanViolations: async (root, { event, from, first }, { rpc, askedAt }) => {
    const asked = rowsAsked(first);
    const { violations, totalCount } = await rpc.plans.listTrackingPlanViolations({ event: event ?? '', from: from ?? undefined, first: asked.first });
    return { nodes: asked.of(violations), totalCount, countedAt: countedAt(root, {}, { askedAt }) };
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
