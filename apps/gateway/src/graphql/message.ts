// Which message each type of the SDL is resolved from; codegen.ts names these.
import type { Principal } from '#libs/auth';
import { access, counting, dataProfile, definition, explanation, exporting, foresight, head, identity, ingestion, label, novelty, person, prediction, quarantine, region, retention, rule, serving, similar, trackingPlan, training, unusual, unusualEvent, webhook, worker } from '#libs/contracts';

import type { Connection } from './connection.js';

export type PageInfo = Connection<unknown>['pageInfo'];
export type Viewer = Caller;
export type Workspace = access.Workspace;
export type WorkspaceSettings = access.WorkspaceSettings;
export type ApiKey = access.ApiKey;
export type AuditEntry = access.AuditEntry;

/** Whole, or as far as it is known without asking: details are loaded for who asks for them. */
export type Customer = ingestion.Customer | Pick<ingestion.Customer, 'id'>;
/** And whose it is. */
export type Event = ingestion.Event & { readonly customerId: string };
export type EventLedger = ingestion.GetEventLedgerResponse;
export type EventReceipt = ingestion.EventReceipt;
export type EventResult = ingestion.EventResult;
export type RejectedEvent = ingestion.RejectedEvent;
export type RejectedEventGroup = quarantine.RejectedEventGroup;
export type RejectedEventsReplayed = quarantine.ReplayRejectedEventsResponse;
export type ReplayResult = quarantine.ReplayResult;
export type TrackingPlan = trackingPlan.TrackingPlan;
export type TrackingPlanEvent = trackingPlan.TrackingPlanEvent;
export type TrackingPlanViolation = trackingPlan.TrackingPlanViolation;
export type Import = ingestion.Import;
export type ImportPreview = ingestion.PreviewImportResponse;
export type CustomerKey = identity.CustomerKey;
export type CustomerMerge = identity.CustomerMerge;
export type MergeUndone = identity.UndoMergeResponse;
export type PersonRequest = person.PersonRequest;
/** Of the request that it is the receipt of. */
export type PersonReceipt = person.PersonRequest;
export type RetentionPolicy = retention.RetentionPolicy;
export type EventArchive = retention.EventArchive;
export type ArchiveRequest = retention.ArchiveRequest;
export type TableRows = person.TableRows;
export type BlockedId = identity.BlockedId;
export type RowCount = ingestion.RowCount;

/** And whose it is; `past`: the time that it was asked as of; `told`: segments that came with it. */
export type Membership = serving.Membership & { readonly customerId: string; readonly past?: string; readonly told?: ReadonlyMap<string, Segment> };
export interface MembershipExplanation {
  readonly membership: Membership;
  readonly segment: serving.Segment;
}
/** With the segment whose traits it speaks of. */
export type MembershipEvidence = explanation.ExplainMembershipResponse & { readonly segment: serving.Segment };
export type ExampleCloseness = region.FindClosenessResponse & { readonly closeness: number };
export type ConditionFinding = definition.ConditionFinding;
export type EventContribution = explanation.EventContribution;
export type ContributionCheck = explanation.ContributionCheck;
export type FittingTrait = explanation.FittingTrait & { readonly trait: worker.SegmentTrait };
export type BehaviourChange = explanation.BehaviourChange;
export type MembershipChange = serving.MembershipChange;
export type SimilarCustomer = similar.SimilarCustomer;
export type SimilaritySearch = similar.SimilaritySearch;
export type RegionPreview = region.PreviewExampleSegmentResponse;
export type ExampleSegment = region.GetExampleSegmentResponse & { readonly segmentId: string };
/** A segment, and how it was asked for. */
export type Segment = serving.Segment & {
  /** As of a time, now, if left out. */
  readonly past?: string;
  /** As drawn by a model, the champion, if left out. */
  readonly drawnBy?: string;
  /** Without traits, typical customers, lineage and rule: they are loaded for who asks for them. */
  readonly isBrief?: boolean;
  /** What its size is of, and those of all that were read with it. */
  readonly sizes?: counting.CountBasis | undefined;
};
/** Each place is asked for by itself. */
export type FeedCursors = Readonly<Record<string, never>>;

/** What a count is of, as far as it was told with it. */
export interface CountBasis {
  readonly follower: counting.CountFollower;
  /** Empty: none. */
  readonly modelId: string;
  readonly asOf: string | undefined;
  readonly isPast?: boolean;
  readonly counted?: counting.CountBasis | undefined;
}
/** A list of everyone, or of a segment's members. */
export interface CustomerConnection extends Connection<Customer> {
  readonly asOf: string;
  readonly edges: { node: Customer; cursor: string; membership?: Membership | undefined }[];
  /** Whose members; undefined: everyone. */
  readonly of: { readonly id: string; readonly modelId: string; readonly asOf: string } | undefined;
}
export type SegmentLineage = serving.SegmentLineage;
export type SegmentVersion = serving.SegmentVersion;
export type CustomerMap = serving.GetCustomerMapResponse;
export type MapPoint = serving.MapPoint;
export type MapPosition = Pick<serving.CustomerMemberships, 'mapX' | 'mapY'>;
export interface SegmentConnection extends Connection<Segment> {
  /** Of all sizes. */
  readonly sizes: counting.CountBasis | undefined;
  readonly past: string | undefined;
}

export type EventForecast = foresight.TimedForecast;
export type ItemRecommendation = foresight.ItemRecommendation;

export type NoveltyReach = novelty.NoveltyReach;
export type NoveltyThreshold = unusual.NoveltyThreshold;
export type NoveltyThresholds = unusual.GetNoveltyThresholdsResponse;
export type UnusualCustomer = unusual.UnusualCustomer;
export type UnusualChange = unusual.UnusualChange;
export type UnusualEvent = unusualEvent.UnusualEvent;

export type SegmentDefinition = definition.SegmentDefinition;
export type RuleNotice = definition.RuleNotice;
export type SegmentPreview = definition.PreviewDefinedSegmentResponse;

export type Export = exporting.Export;
export type ExportManifest = exporting.ExportManifest;
export type ExportSchedule = exporting.ExportSchedule;

export type Webhook = webhook.Webhook;
export type WebhookDelivery = webhook.WebhookDelivery;

export type Model = training.Model;
export type Evaluation = training.Model;
export type DataProfile = dataProfile.DataProfile;
export type PropertyQuality = dataProfile.PropertyQuality;
export type TrainingRun = training.Run;
export type RunError = training.RunError;
export type RunMetric = training.RunMetric;
export type MetricPoint = training.MetricPoint;
export type RunStep = training.RunStep;

export type LabelSet = label.LabelSet;
export type LabelProblem = label.LabelProblem;
export type LabelsAdded = label.AddLabelsResponse & { readonly labelSet: label.LabelSet };
export type LabelHead = label.Head;
export type LabelPrediction = prediction.Prediction;
export type HeadEvaluation = head.HeadEvaluation;
export type HeadStanding = head.HeadStanding;
export type CalibrationBin = head.CalibrationBin;
export type NumberSummary = label.NumberSummary;
export type NumberPrediction = prediction.Prediction & { readonly number: prediction.SaidNumber };
export type NumberEvaluation = head.NumberEvaluation;
export type NumberStanding = head.NumberStanding;

export type TrainingSpec = worker.TrainingSpec;
export type TrainingObjective = worker.ObjectiveSpec;
export type Measure = worker.Measure;
export type SegmentTrait = worker.SegmentTrait;
export type SegmentRule = rule.SegmentRule;
export type SegmentCondition = rule.RuleCondition;

/** Who calls: always a key of a workspace. */
export type Caller = Principal & { readonly workspaceId: string };

export import BehaviourChangeKind = explanation.BehaviourChangeKind;
export import ArchiveRequestKind = retention.ArchiveRequestKind;
export import ArchiveRequestState = retention.ArchiveRequestState;
export import Clock = access.Clock;
export import ConditionOperator = rule.RuleOperator;
export import EventArchiveState = retention.EventArchiveState;
export import EventOutcome = ingestion.EventOutcome;
export import ExportColumn = exporting.ExportColumn;
export import ExportFormat = exporting.ExportFormat;
export import ExportState = exporting.ExportState;
export import HeadEncoder = head.HeadEncoder;
export import HeadTask = head.HeadTask;
export import HeadVerdict = head.HeadVerdict;
export import ImportStage = ingestion.ImportStage;
export import ImportState = ingestion.ImportState;
export import LabelHeadState = label.HeadState;
export import LabelKind = label.LabelKind;
export import LineageKind = serving.LineageKind;
export import MemberOrder = serving.MemberOrder;
export import MergeCause = identity.MergeCause;
export import ModelState = training.ModelState;
export import PersonRequestKind = person.PersonRequestKind;
export import PersonRequestState = person.PersonRequestState;
export import PlanMode = trackingPlan.PlanMode;
export import PropertyOperator = definition.PropertyOperator;
export import RecommendationReason = foresight.RecommendationReason;
export import RejectedEventState = ingestion.RejectedEventState;
export import RejectedEventUnit = ingestion.RejectedEventUnit;
export import ReplayOutcome = quarantine.ReplayOutcome;
export import Role = access.Role;
export import SegmentKind = serving.SegmentKind;
export import SegmentLevel = worker.SegmentLevel;
export import TrainingRunState = training.RunState;
export import TrainingRunTrigger = training.RunTrigger;
export import UnusualCause = unusual.UnusualCause;
export import WebhookDeliveryState = webhook.WebhookDeliveryState;

/** As receivers are told them. */
export enum WebhookEvent {
  SEGMENT_ENTERED = 'Segment Entered',
  SEGMENT_EXITED = 'Segment Exited',
  CUSTOMER_UNUSUAL = 'Customer Unusual',
  CUSTOMER_USUAL_AGAIN = 'Customer Usual Again',
  EVENT_UNUSUAL = 'Event Unusual',
}

/** Segment's specification names its calls in small letters. */
export enum EventType {
  TRACK = 'track',
  PAGE = 'page',
  SCREEN = 'screen',
  IDENTIFY = 'identify',
  GROUP = 'group',
  ALIAS = 'alias',
}
