/** Types of Segment's spec. `track`, `page` and `screen` are behaviour; the others say who or what somebody is. */
export const EVENT_TYPES = ['identify', 'track', 'page', 'screen', 'group', 'alias'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Why an event was refused; docs/api/intake.md says of each what to do. */
export const REJECTION_REASONS = [
  'NOT_AN_OBJECT', 'TOO_DEEP', 'TYPE_UNKNOWN', 'MESSAGE_ID_INVALID', 'ID_MISSING', 'ID_BLOCKED', 'SUPPRESSED', 'ID_INVALID', 'NAME_MISSING', 'NAME_INVALID',
  'TIME_INVALID', 'PROPERTIES_INVALID', 'TEXT_UNSTORABLE', 'TOO_LARGE', 'PLAN_VIOLATION', 'STORE_REFUSED',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** An event that can be stored as it is: every text is storable, every time lies within bounds. */
export interface IntakeEvent {
  readonly id: string;
  readonly messageId: string;
  readonly type: EventType;
  readonly name: string;
  /** ISO 8601 UTC, corrected and clamped; from files to the microsecond. */
  readonly occurredAt: string;
  readonly receivedAt: Date;
  readonly sentAt: Date | null;
  /** ISO 8601 UTC, as it was said. */
  readonly originalAt: string | null;
  readonly timeClamped: boolean;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly groupId: string | null;
  readonly previousId: string | null;
  /** JSON objects. */
  readonly properties: string;
  readonly context: string | null;
  /** Of a file: where it was read, to be found again when it is refused. */
  readonly line?: number;
}

/** Something that was refused, whole. */
export interface Rejection {
  readonly messageId: string | null;
  readonly reason: string;
  /** For a person: what, where, and how to mend it. */
  readonly detail: string;
  readonly receivedAt: Date;
  readonly payload: Buffer;
  /** ROW: a line of a file that no event could be made of; it does not count in the event ledger. */
  readonly unit: 'EVENT' | 'ROW';
  readonly line?: number;
  readonly fingerprint?: string;
  /** Whom a ROW is of, by the mapping of its import: their user id, or the anonymous id of who has none. */
  readonly rowUserId?: string;
  /** What its request said beside it, needed to decode it again: the path's type, the time of sending, the batch's context (JSON). */
  readonly callType?: EventType;
  readonly sentAt?: Date;
  readonly batchContext?: string;
}

/** How an event is otherwise than its workspace declared. */
export interface PlanViolations {
  readonly eventName: string;
  /** Each property and rule once. */
  readonly ways: readonly { readonly property: string; readonly rule: string }[];
  /** For a person. */
  readonly detail: string;
  /** The event is refused for it; else it is counted alone. */
  readonly isEnforced: boolean;
}

/** What a workspace declared of its events, held in memory. */
export interface EventPlan {
  /** Undefined: nothing was declared of such an event, or it is as declared. */
  violationsOf(event: Pick<IntakeEvent, 'type' | 'name' | 'properties'>): PlanViolations | undefined;
}

export type IntakeItem = ({ readonly event: IntakeEvent } | { readonly rejection: Rejection }) & { readonly violations?: PlanViolations };
