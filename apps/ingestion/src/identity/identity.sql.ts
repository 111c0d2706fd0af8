/**
 * Which customer a subject belongs to, set-based over the staged events of one commit. A customer bears the id
 * of the subject that founded it. `$1` is the workspace.
 */

// One look-up by index for each row, whatever the planner believes: these tables may have grown a thousandfold
// since they were last analysed, and LIMIT keeps a look-up from being joined the other way round.
/** Id of the subject of a kind and an external id, null where there is none. */
export const subjectOf = (kind: string, externalId: string) =>
  `(SELECT id FROM ingestion.subjects WHERE workspace_id = $1::uuid AND kind = ${kind} AND external_id = ${externalId} LIMIT 1)`;
/** The customer of a subject, one look-up for each row. */
const customerOf = (alias: string, subjectId: string) => `LATERAL (
    SELECT customer_id FROM ingestion.subject_customers WHERE workspace_id = $1::uuid AND subject_id = ${subjectId} AND ended_horizon IS NULL LIMIT 1) ${alias}`;

/**
 * Makes the subjects that events carry for the first time; answers their ids, and how many were not known when their
 * message ids were claimed (another commit may have made them since).
 */
export const INSERT_SUBJECTS = {
  name: 'insert_subjects',
  text: `
    WITH carried AS (
      SELECT 'USER' AS kind, user_id AS external_id FROM staged_events WHERE fresh AND user_id IS NOT NULL AND user_subject_id IS NULL
      UNION
      SELECT 'ANONYMOUS', anonymous_id FROM staged_events WHERE fresh AND anonymous_id IS NOT NULL AND anonymous_subject_id IS NULL
    ), made AS (
      INSERT INTO ingestion.subjects (workspace_id, id, kind, external_id)
      SELECT $1::uuid, ingestion.uuid_v7(), c.kind, c.external_id FROM carried c
      ORDER BY c.kind, c.external_id
      ON CONFLICT DO NOTHING
      RETURNING id
    )
    SELECT coalesce((SELECT array_agg(id) FROM made), '{}') AS made, (SELECT count(*)::int FROM carried) AS missing`,
};

/** Tells staged events the subjects that were not known when their message ids were claimed. */
export const COMPLETE_SUBJECTS = {
  name: 'complete_subjects',
  text: `
    UPDATE staged_events SET
      user_subject_id = coalesce(user_subject_id, ${subjectOf("'USER'", 'user_id')}),
      anonymous_subject_id = coalesce(anonymous_subject_id, ${subjectOf("'ANONYMOUS'", 'anonymous_id')})
    WHERE fresh AND (user_id IS NOT NULL AND user_subject_id IS NULL OR anonymous_id IS NOT NULL AND anonymous_subject_id IS NULL)`,
};

/** Gives new subjects ($2) a customer: the one of the user they were first seen with, else one of their own. */
export const OPEN_MAPPINGS = {
  name: 'open_mappings',
  text: `
    WITH seen_with AS (
      SELECT DISTINCT ON (anonymous_subject_id) anonymous_subject_id AS subject_id, user_subject_id
      FROM staged_events
      WHERE fresh AND user_subject_id IS NOT NULL AND anonymous_subject_id = ANY ($2::uuid[])
      ORDER BY anonymous_subject_id, ordinal
    ), target AS (
      SELECT w.subject_id, coalesce(m.customer_id, w.user_subject_id) AS customer_id FROM seen_with w LEFT JOIN ${customerOf('m', 'w.user_subject_id')} ON true
      UNION ALL
      SELECT n.id, n.id FROM unnest($2::uuid[]) AS n (id) WHERE (n.id IN (SELECT subject_id FROM seen_with)) IS NOT TRUE
    ), founded AS (
      INSERT INTO ingestion.customers (workspace_id, id)
      SELECT $1::uuid, subject_id FROM target WHERE customer_id = subject_id ORDER BY subject_id
    )
    INSERT INTO ingestion.subject_customers (workspace_id, subject_id, customer_id)
    SELECT $1::uuid, subject_id, customer_id FROM target ORDER BY subject_id`,
};

/**
 * Anonymous customers that were now seen together with a user: they go into the user's customer. A device that
 * has a user already stays with that user, so that a shared one joins nobody.
 */
const SEEN_TOGETHER = `
  WITH together AS MATERIALIZED (
    SELECT DISTINCT ON (anonymous_subject_id, user_subject_id) anonymous_subject_id, user_subject_id, event_id, ordinal FROM staged_events
    WHERE fresh AND anonymous_subject_id IS NOT NULL AND user_subject_id IS NOT NULL ORDER BY anonymous_subject_id, user_subject_id, ordinal
  )
  SELECT DISTINCT ON (am.customer_id) am.customer_id AS from_id, um.customer_id AS into_id, t.event_id
  FROM together t
  CROSS JOIN ${customerOf('am', 't.anonymous_subject_id')}
  CROSS JOIN ${customerOf('um', 't.user_subject_id')}
  WHERE am.customer_id <> um.customer_id AND NOT EXISTS (
    SELECT FROM ingestion.subject_customers o
    WHERE o.workspace_id = $1::uuid AND o.customer_id = am.customer_id AND o.ended_horizon IS NULL
      AND (SELECT os.kind FROM ingestion.subjects os WHERE os.workspace_id = $1::uuid AND os.id = o.subject_id) = 'USER')
  ORDER BY am.customer_id, t.ordinal`;

export const HAS_SEEN_TOGETHER = { name: 'has_seen_together', text: `SELECT EXISTS (${SEEN_TOGETHER}) AS found` };

/** Moves every subject of one customer to another: versions end and begin, the merge is written down, the old id redirects. */
const merge = (pairs: string, cause: string) => `
  WITH pairs AS (${pairs}), merges AS (
    INSERT INTO ingestion.customer_merges (workspace_id, id, from_customer_id, into_customer_id, cause, event_id)
    SELECT $1::uuid, ingestion.uuid_v7(), from_id, into_id, '${cause}', event_id FROM pairs
    RETURNING id, from_customer_id, into_customer_id
  ), ended AS (
    UPDATE ingestion.subject_customers m SET ended_horizon = ingestion.current_horizon() FROM merges g
    WHERE m.workspace_id = $1::uuid AND m.customer_id = g.from_customer_id AND m.ended_horizon IS NULL
    RETURNING m.subject_id, m.version, g.into_customer_id, g.id AS merge_id
  ), opened AS (
    INSERT INTO ingestion.subject_customers (workspace_id, subject_id, version, customer_id, merge_id)
    SELECT $1::uuid, subject_id, version + 1, into_customer_id, merge_id FROM ended
  )
  UPDATE ingestion.customers c SET merged_into = g.into_customer_id FROM merges g
  WHERE c.workspace_id = $1::uuid AND c.id = g.from_customer_id`;

export const MERGE_SEEN_TOGETHER = { name: 'merge_seen_together', text: merge(SEEN_TOGETHER, 'SEEN_TOGETHER') };

export const STAGED_ALIASES = {
  name: 'staged_aliases',
  text: `
    SELECT event_id, user_id, previous_id FROM staged_events
    WHERE fresh AND type = 'alias' AND $1::uuid IS NOT NULL AND user_id IS NOT NULL AND previous_id IS NOT NULL AND user_id <> previous_id ORDER BY ordinal`,
};

/** `$2` user id, `$3` previous id: an id that was never seen becomes an anonymous one of that user's customer. */
export const OPEN_ALIAS = {
  name: 'open_alias',
  text: `
    WITH target AS (
      SELECT m.customer_id FROM ingestion.subjects u
      JOIN ingestion.subject_customers m ON m.workspace_id = $1::uuid AND m.subject_id = u.id AND m.ended_horizon IS NULL
      WHERE u.workspace_id = $1::uuid AND u.kind = 'USER' AND u.external_id = $2
        AND NOT EXISTS (SELECT FROM ingestion.subjects p WHERE p.workspace_id = $1::uuid AND p.external_id = $3)
    ), made AS (
      INSERT INTO ingestion.subjects (workspace_id, id, kind, external_id)
      SELECT $1::uuid, ingestion.uuid_v7(), 'ANONYMOUS', $3 FROM target ON CONFLICT DO NOTHING RETURNING id
    )
    INSERT INTO ingestion.subject_customers (workspace_id, subject_id, customer_id)
    SELECT $1::uuid, made.id, target.customer_id FROM made, target`,
};

/**
 * `$2` user id, `$3` previous id, `$4` event: the customer of a former user id, or an anonymous customer without
 * a user, goes into the user's. The anonymous reading goes first, as Segment's clients mean it.
 */
export const MERGE_ALIAS = {
  name: 'merge_alias',
  text: merge(
    `SELECT pm.customer_id AS from_id, um.customer_id AS into_id, $4::uuid AS event_id
     FROM ingestion.subjects u
     JOIN ingestion.subject_customers um ON um.workspace_id = $1::uuid AND um.subject_id = u.id AND um.ended_horizon IS NULL
     JOIN ingestion.subjects p ON p.workspace_id = $1::uuid AND p.external_id = $3
     JOIN ingestion.subject_customers pm ON pm.workspace_id = $1::uuid AND pm.subject_id = p.id AND pm.ended_horizon IS NULL
     WHERE u.workspace_id = $1::uuid AND u.kind = 'USER' AND u.external_id = $2 AND pm.customer_id <> um.customer_id
       AND (p.kind = 'USER' OR NOT EXISTS (
         SELECT FROM ingestion.subject_customers o
         JOIN ingestion.subjects os ON os.workspace_id = $1::uuid AND os.id = o.subject_id AND os.kind = 'USER'
         WHERE o.workspace_id = $1::uuid AND o.customer_id = pm.customer_id AND o.ended_horizon IS NULL))
     ORDER BY p.kind LIMIT 1`,
    'ALIAS',
  ),
};

/** Merges of a workspace one after the other; they are rare, and two at once could cross. */
export const LOCK_MERGES = { name: 'lock_merges', text: `SELECT pg_advisory_xact_lock(hashtextextended('merge:' || $1::text, 0))` };
