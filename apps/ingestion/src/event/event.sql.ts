import { subjectOf } from '../identity/identity.sql.js';

/**
 * The statements of one commit, in their order. All are prepared once per connection; `$1` is the workspace.
 * Rows are inserted in the order of their keys, so that two commits that overlap wait and never deadlock.
 */

/**
 * Claims message ids; answers the ordinals of those that were unknown. The first of equal ones in a batch wins. Staged
 * events are marked and get the subjects that are known at once: they are rewritten once, and looked up once.
 * IS TRUE keeps the IN from becoming a join, which by index alone would compare every row with every other: it is hashed.
 */
export const CLAIM_MESSAGE_IDS = {
  name: 'claim_message_ids',
  text: `
    WITH first AS (
      SELECT DISTINCT ON (message_id) message_id, event_id, occurred_at, received_at
      FROM staged_events ORDER BY message_id, ordinal
    ), claimed AS (
      INSERT INTO ingestion.message_ids (workspace_id, message_id, event_id, occurred_at, received_at)
      SELECT $1::uuid, message_id, event_id, occurred_at, received_at FROM first ORDER BY message_id
      ON CONFLICT DO NOTHING
      RETURNING event_id
    ), marked AS (
      UPDATE staged_events SET fresh = true, user_subject_id = ${subjectOf("'USER'", 'user_id')}, anonymous_subject_id = ${subjectOf("'ANONYMOUS'", 'anonymous_id')}
      WHERE (event_id IN (SELECT event_id FROM claimed)) IS TRUE
      RETURNING ordinal
    )
    SELECT coalesce(array_agg(ordinal), '{}') AS fresh FROM marked`,
};

/** Stores what was unknown, with the subject it is of. */
export const INSERT_EVENTS = {
  name: 'insert_events',
  text: `
    INSERT INTO ingestion.events (
      workspace_id, id, occurred_at, subject_id, type, name, message_id, received_at, sent_at, original_at, time_clamped,
      user_id, anonymous_id, group_id, previous_id, import_id, properties, context)
    SELECT $1::uuid, s.event_id, s.occurred_at, coalesce(s.user_subject_id, s.anonymous_subject_id), s.type, s.name, s.message_id, s.received_at, s.sent_at, s.original_at,
      s.time_clamped, s.user_id, s.anonymous_id, s.group_id, s.previous_id, $2::uuid, s.properties, s.context
    FROM staged_events s
    WHERE s.fresh
    ORDER BY s.ordinal`,
};

/** What identify said, latest by its own time; a name too long for an index stays in the event alone. */
export const UPSERT_ATTRIBUTES = {
  name: 'upsert_attributes',
  text: `
    INSERT INTO ingestion.subject_attributes (workspace_id, subject_id, name, value, occurred_at)
    SELECT DISTINCT ON (subject_id, name) $1::uuid, subject_id, name, value, occurred_at
    FROM (
      SELECT coalesce(s.user_subject_id, s.anonymous_subject_id) AS subject_id, t.key COLLATE "C" AS name, t.value, s.occurred_at, s.ordinal
      FROM staged_events s
      CROSS JOIN LATERAL jsonb_each(s.properties) t
      WHERE s.fresh AND s.type = 'identify' AND length(t.key) <= 255
    ) said
    ORDER BY subject_id, name, occurred_at DESC, ordinal DESC
    ON CONFLICT (workspace_id, subject_id, name) DO UPDATE SET value = excluded.value, occurred_at = excluded.occurred_at
    WHERE subject_attributes.occurred_at <= excluded.occurred_at`,
};

export const INSERT_DUPLICATES = {
  name: 'insert_duplicates',
  text: `
    INSERT INTO ingestion.duplicate_events (workspace_id, message_id, received_at, source)
    SELECT $1::uuid, message_id, received_at, $2 FROM staged_events WHERE NOT fresh`,
};

/** The same of what was erased: each in the form in which it is kept. */
export const INSERT_ERASED_DUPLICATES = {
  name: 'insert_erased_duplicates',
  text: `
    INSERT INTO ingestion.duplicate_events (workspace_id, message_id, received_at, source)
    SELECT $1::uuid, d.form, d.received_at, $2 FROM unnest($3::text[], $4::timestamptz[]) AS d (form, received_at)`,
};

export const INSERT_REJECTED = {
  name: 'insert_rejected',
  text: `
    INSERT INTO ingestion.rejected_events
      (workspace_id, id, unit, received_at, message_id, reason, detail, payload, source, import_id, line, fingerprint, call_type, sent_at, batch_context, row_user_id)
    SELECT $1::uuid, r.id, r.unit, r.received_at, r.message_id, r.reason, r.detail, r.payload, $2, $3::uuid, r.line, r.fingerprint,
      r.call_type, r.sent_at, r.batch_context, r.row_user_id
    FROM unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::bigint[], $12::text[],
        $13::text[], $14::timestamptz[], $15::text[], $16::text[])
      AS r (id, unit, received_at, message_id, reason, detail, payload, line, fingerprint, call_type, sent_at, batch_context, row_user_id)
    ON CONFLICT (workspace_id, fingerprint) WHERE fingerprint IS NOT NULL DO NOTHING
    RETURNING id`,
};

/** One row per moment of arrival; negative numbers take replayed events out of the rejected ones. */
export const INSERT_LEDGER = {
  name: 'insert_ledger',
  text: `
    INSERT INTO ingestion.intake_batches (workspace_id, received_at, id, source, received, stored, duplicate, rejected)
    SELECT $1::uuid, l.received_at, l.id, $2, l.stored + l.duplicate + l.rejected, l.stored, l.duplicate, l.rejected
    FROM unnest($3::timestamptz[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[]) AS l (received_at, id, stored, duplicate, rejected)`,
};
