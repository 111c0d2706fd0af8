import type { CodegenConfig } from '@graphql-codegen/cli';

/** Types that are resolved from a message of src/graphql/message.ts; all others have exactly the fields of their SDL. */
const FROM_MESSAGES = [
  'ApiKey', 'ArchiveRequest', 'AuditEntry', 'BehaviourChange', 'BlockedId', 'CalibrationBin', 'ConditionFinding', 'ContributionCheck', 'CountBasis', 'Customer', 'CustomerConnection', 'CustomerKey', 'CustomerMap', 'CustomerMerge', 'DataProfile',
  'Evaluation', 'Event', 'EventArchive', 'EventContribution', 'EventForecast', 'EventLedger', 'EventReceipt', 'EventResult', 'ExampleCloseness', 'ExampleSegment', 'Export', 'ExportManifest', 'ExportSchedule', 'FeedCursors', 'FittingTrait', 'HeadEvaluation', 'HeadStanding', 'Import', 'ImportPreview',
  'ItemRecommendation', 'LabelHead', 'LabelPrediction', 'LabelProblem', 'LabelSet', 'LabelsAdded', 'MapPoint', 'MapPosition', 'Measure', 'Membership', 'MembershipChange', 'MembershipEvidence', 'MembershipExplanation', 'MergeUndone', 'MetricPoint', 'Model', 'NoveltyReach', 'NoveltyThreshold', 'NoveltyThresholds',
  'NumberEvaluation', 'NumberPrediction', 'NumberStanding', 'NumberSummary',
  'PageInfo', 'PersonReceipt', 'PersonRequest', 'PropertyQuality', 'RegionPreview', 'RejectedEvent', 'RejectedEventGroup', 'RejectedEventsReplayed', 'ReplayResult', 'RetentionPolicy', 'RowCount', 'RuleNotice', 'RunError',
  'RunMetric', 'RunStep', 'Segment', 'SegmentCondition', 'SegmentConnection', 'SegmentDefinition', 'SegmentLineage', 'SegmentPreview', 'SegmentRule', 'SegmentTrait', 'SegmentVersion', 'SimilarCustomer', 'SimilaritySearch',
  'TableRows', 'TrackingPlan', 'TrackingPlanEvent', 'TrackingPlanViolation', 'TrainingObjective', 'TrainingRun', 'TrainingSpec', 'UnusualChange', 'UnusualCustomer', 'UnusualEvent', 'Viewer', 'Webhook', 'WebhookDelivery',
  'Workspace', 'WorkspaceSettings',
];
const FAILURES = [
  'AlreadyChampion', 'ApiKeyEnded', 'ApiKeyInvalid', 'ArchiveDropped', 'ArchiveRequestEnded', 'ArchivingActive', 'BlockedIdInvalid', 'ExportEnded', 'ExportInvalid', 'FileRefused', 'FileUnreadable',
  'HeadActive', 'HeadEnded', 'HeadRefused',
  'ImportEnded', 'LabelsInvalid', 'MappingInvalid', 'MergeUndoneBefore', 'ModelNotPromotable', 'NameInvalid', 'NameTaken', 'NoFormerChampion', 'NotFound', 'NothingToArchive', 'NoveltyThresholdInvalid', 'PlanFull',
  'RejectedEventResolved', 'RetentionInvalid', 'RunActive', 'RunEnded', 'SchemaInvalid', 'SegmentInvalid', 'SelectionInvalid', 'SettingsInvalid', 'SpecInvalid', 'StaleVersion',
  'StillRejected', 'WebhookDeliveryWaiting', 'WebhookInvalid', 'WriteKeyRefused',
];
const ENUMS = [
  'ArchiveRequestKind', 'ArchiveRequestState', 'BehaviourChangeKind', 'Clock', 'ConditionOperator', 'EventArchiveState', 'EventOutcome', 'EventType', 'ExportColumn', 'ExportFormat', 'ExportState', 'HeadEncoder', 'HeadVerdict', 'ImportStage', 'ImportState', 'LabelHeadState', 'LabelKind',
  'LineageKind', 'MemberOrder', 'MergeCause', 'ModelState', 'PersonRequestKind', 'PersonRequestState', 'PlanMode', 'PropertyOperator', 'RecommendationReason', 'RejectedEventState', 'RejectedEventUnit', 'ReplayOutcome', 'Role',
  'SegmentKind', 'SegmentLevel', 'TrainingRunState', 'TrainingRunTrigger', 'UnusualCause', 'WebhookDeliveryState', 'WebhookEvent',
];

const config: CodegenConfig = {
  schema: 'apps/gateway/schema/*.graphql',
  generates: {
    'apps/gateway/src/gen/resolvers.ts': {
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        contextType: '../graphql/context.js#GatewayContext',
        mappers: Object.fromEntries([
          ...FROM_MESSAGES.map((type) => [type, `../graphql/message.js#${type} as ${type}Message`]),
          ...FAILURES.map((type) => [type, `../graphql/expected.js#ExpectedFailure<'${type}'>`]),
        ]),
        enumValues: Object.fromEntries(ENUMS.map((name) => [name, `../graphql/message.js#${name}`])),
        scalars: {
          ID: '../graphql/global-id.js#GlobalId',
          DateTime: 'string',
          EventText: { input: 'unknown', output: 'never' },
          EventTime: { input: 'unknown', output: 'never' },
          JSON: { input: 'unknown', output: '../graphql/scalar.js#Json' },
          SafeInt: 'number',
        },
        strictScalars: true,
        useTypeImports: true,
        maybeValue: 'T | null | undefined',
        inputMaybeValue: 'T | null | undefined',
        skipTypename: false,
      },
    },
  },
};

export default config;
