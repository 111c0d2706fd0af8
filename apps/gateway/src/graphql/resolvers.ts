import { auditQueries, auditTypes } from '../audit/audit.resolver.js';
import { countTypes } from '../counting/count.resolver.js';
import { customerQueries, customerTypes } from '../customer/customer.resolver.js';
import { definitionMutations, definitionQueries, definitionTypes } from '../definition/definition.resolver.js';
import { eventMutations, eventQueries, eventTypes } from '../event/event.resolver.js';
import { exportMutations, exportQueries, exportTypes } from '../export/export.resolver.js';
import { foresightTypes } from '../foresight/foresight.resolver.js';
import { identityMutations, identityQueries, identityTypes } from '../identity/identity.resolver.js';
import { importMutations, importQueries, importSubscriptions, importTypes } from '../import/import.resolver.js';
import { keyMutations, keyQueries, keyTypes } from '../key/key.resolver.js';
import { headMutations, headQueries, headTypes } from '../label/head.resolver.js';
import { labelMutations, labelQueries, labelTypes } from '../label/label.resolver.js';
import { mapQueries, mapTypes } from '../map/map.resolver.js';
import { membershipSubscriptions, membershipTypes } from '../membership/membership.resolver.js';
import { modelMutations, modelQueries, modelTypes } from '../model/model.resolver.js';
import { nodeQueries, nodeTypes } from '../node/node.resolver.js';
import { personMutations, personQueries, personTypes } from '../person/person.resolver.js';
import { quarantineMutations, quarantineQueries, quarantineTypes } from '../quarantine/quarantine.resolver.js';
import { regionMutations, regionQueries, regionTypes } from '../region/region.resolver.js';
import { retentionMutations, retentionQueries, retentionTypes } from '../retention/retention.resolver.js';
import { runMutations, runQueries, runSubscriptions, runTypes } from '../run/run.resolver.js';
import { segmentMutations, segmentQueries, segmentTypes } from '../segment/segment.resolver.js';
import { similarQueries, similarTypes } from '../similar/similar.resolver.js';
import { feedQueries, feedTypes } from '../subscription/feed.resolver.js';
import { trackingPlanMutations, trackingPlanQueries, trackingPlanTypes } from '../tracking-plan/tracking-plan.resolver.js';
import { unusualEventSubscriptions, unusualEventTypes } from '../unusual/unusual.event.resolver.js';
import { unusualMutations, unusualQueries, unusualSubscriptions, unusualTypes } from '../unusual/unusual.resolver.js';
import { viewerMutations, viewerQueries, viewerTypes } from '../viewer/viewer.resolver.js';
import { webhookMutations, webhookQueries, webhookTypes } from '../webhook/webhook.resolver.js';
import type { CompleteResolvers } from './complete.js';
import type { ExpectedFailure } from './expected.js';
import * as message from './message.js';
import { scalars } from './scalar.js';

/** Services' enums as the SDL's: the same names, and none for "unspecified". */
function valuesOf<Values extends Record<string, string>>(values: Values): Omit<Values, 'UNSPECIFIED'> {
  const { UNSPECIFIED: _unspecified, ...named } = values;
  return named as Omit<Values, 'UNSPECIFIED'>;
}

const enums = {
  BehaviourChangeKind: valuesOf(message.BehaviourChangeKind),
  ArchiveRequestKind: valuesOf(message.ArchiveRequestKind),
  ArchiveRequestState: valuesOf(message.ArchiveRequestState),
  Clock: valuesOf(message.Clock),
  EventArchiveState: valuesOf(message.EventArchiveState),
  EventOutcome: valuesOf(message.EventOutcome),
  EventType: valuesOf(message.EventType),
  ExportColumn: valuesOf(message.ExportColumn),
  ExportFormat: valuesOf(message.ExportFormat),
  ExportState: valuesOf(message.ExportState),
  HeadEncoder: valuesOf(message.HeadEncoder),
  HeadVerdict: valuesOf(message.HeadVerdict),
  ImportStage: valuesOf(message.ImportStage),
  ImportState: valuesOf(message.ImportState),
  ConditionOperator: valuesOf(message.ConditionOperator),
  LabelHeadState: valuesOf(message.LabelHeadState),
  LabelKind: valuesOf(message.LabelKind),
  LineageKind: valuesOf(message.LineageKind),
  MemberOrder: valuesOf(message.MemberOrder),
  MergeCause: valuesOf(message.MergeCause),
  ModelState: valuesOf(message.ModelState),
  PersonRequestKind: valuesOf(message.PersonRequestKind),
  PersonRequestState: valuesOf(message.PersonRequestState),
  PropertyOperator: valuesOf(message.PropertyOperator),
  PlanMode: valuesOf(message.PlanMode),
  RecommendationReason: valuesOf(message.RecommendationReason),
  RejectedEventState: valuesOf(message.RejectedEventState),
  RejectedEventUnit: valuesOf(message.RejectedEventUnit),
  ReplayOutcome: valuesOf(message.ReplayOutcome),
  Role: valuesOf(message.Role),
  SegmentKind: valuesOf(message.SegmentKind),
  SegmentLevel: valuesOf(message.SegmentLevel),
  TrainingRunState: valuesOf(message.TrainingRunState),
  TrainingRunTrigger: valuesOf(message.TrainingRunTrigger),
  UnusualCause: valuesOf(message.UnusualCause),
  WebhookDeliveryState: valuesOf(message.WebhookDeliveryState),
  WebhookEvent: valuesOf(message.WebhookEvent),
};

/** The whole contract. What is missing here does not compile. */
export const resolvers: CompleteResolvers = {
  Query: {
    ...nodeQueries,
    ...viewerQueries,
    ...keyQueries,
    ...auditQueries,
    ...customerQueries,
    ...identityQueries,
    ...segmentQueries,
    ...definitionQueries,
    ...similarQueries,
    ...regionQueries,
    ...mapQueries,
    ...modelQueries,
    ...runQueries,
    ...labelQueries,
    ...headQueries,
    ...eventQueries,
    ...quarantineQueries,
    ...trackingPlanQueries,
    ...importQueries,
    ...personQueries,
    ...retentionQueries,
    ...webhookQueries,
    ...feedQueries,
    ...unusualQueries,
    ...exportQueries,
  },
  Mutation: {
    ...viewerMutations,
    ...keyMutations,
    ...identityMutations,
    ...segmentMutations,
    ...definitionMutations,
    ...regionMutations,
    ...modelMutations,
    ...runMutations,
    ...labelMutations,
    ...headMutations,
    ...eventMutations,
    ...quarantineMutations,
    ...trackingPlanMutations,
    ...importMutations,
    ...personMutations,
    ...retentionMutations,
    ...webhookMutations,
    ...unusualMutations,
    ...exportMutations,
  },
  Subscription: {
    ...membershipSubscriptions,
    ...unusualSubscriptions,
    ...unusualEventSubscriptions,
    ...runSubscriptions,
    ...importSubscriptions,
  },
  ...nodeTypes,
  ...viewerTypes,
  ...keyTypes,
  ...auditTypes,
  ...countTypes,
  ...customerTypes,
  ...foresightTypes,
  ...identityTypes,
  ...membershipTypes,
  ...feedTypes,
  ...segmentTypes,
  ...definitionTypes,
  ...similarTypes,
  ...regionTypes,
  ...mapTypes,
  ...modelTypes,
  ...runTypes,
  ...labelTypes,
  ...headTypes,
  ...eventTypes,
  ...quarantineTypes,
  ...trackingPlanTypes,
  ...importTypes,
  ...personTypes,
  ...retentionTypes,
  ...webhookTypes,
  ...unusualTypes,
  ...unusualEventTypes,
  ...exportTypes,
  Failure: { __resolveType: (failure: ExpectedFailure<string>) => failure.type as never },
  ...enums,
  ...scalars,
};
