/**
 * Which customer a subject belongs to, set-based over the staged events of one commit. What joins two customers is
 * a meeting of two of their ids, written down as a merge; customers are the trees of those meetings, and bear the
 * id of their oldest user (of the anonymous id, where there is none). `$1` is the workspace.
 */

// One look-up by index for each row, whatever the planner believes: these tables may have grown a thousandfold
// since they were last analysed, and LIMIT keeps a look-up from being joined the other way round.
/** Id of the subject of a kind and an external id, null where there is none. */
export const subjectOf = (kind: string, externalId: string) =>
  `(SELECT id FROM ingestion.subjects WHERE workspace_id = $1::uuid AND kind = ${kind} AND external_id = ${externalId} LIMIT 1)`;
/** The customer of a subject, one look-up for each row. */
const customerOf = (alias: string, subjectId: string) => `LATERAL (
    SELECT customer_id FROM ingestion.subject_customers WHERE workspace_id = $1::uuid AND subject_id = ${subjectId} AND ended_horizon IS NULL LIMIT 1) ${alias}`;

const customer = (alias: string, subjectId: string) => `CROSS JOIN ${customerOf(alias, subjectId)}`;
const lookUp = (kind: string, externalId: string) => `LATERAL ${subjectOf(kind, externalId)}`;
const subjectsOf = (customerId: string) =>
  `(SELECT count(*) FROM ingestion.subject_customers o WHERE o.workspace_id = $1::uuid AND o.customer_id = ${customerId} AND o.ended_horizon IS NULL)`;
/** Merges into a customer on the day, in UTC, of a time; undone ones count too. */
const mergesOfDay = (customerId: string, time: string) => `(
    SELECT count(*) FROM ingestion.customer_merges g WHERE g.workspace_id = $1::uuid AND g.into_customer_id = ${customerId}
      AND g.occurred_at >= ${dayOf(time)} AND g.occurred_at < ${dayOf(time)} + interval '1 day')`;
const dayOf = (time: string) => `date_trunc('day', ${time}, 'UTC')`;
// OFFSET 0 keeps these from being joined from their other end, which in a table that was empty when it was measured
// looks as cheap as a look-up.
const hasUser = (customerId: string) => `EXISTS (
    SELECT FROM ingestion.subject_customers o
    WHERE o.workspace_id = $1::uuid AND o.customer_id = ${customerId} AND o.ended_horizon IS NULL
      AND (SELECT os.kind FROM ingestion.subjects os WHERE os.workspace_id = $1::uuid AND os.id = o.subject_id) = 'USER' OFFSET 0)`;
/** A meeting between ids of these two customers was undone: they stay apart. */
const areSplit = (one: string, other: string) => `EXISTS (
    SELECT FROM (
      SELECT subject_id FROM ingestion.subject_customers WHERE workspace_id = $1::uuid AND customer_id = ${one} AND ended_horizon IS NULL OFFSET 0) x
    CROSS JOIN LATERAL (
      SELECT other_subject_id FROM ingestion.split_subjects p WHERE p.workspace_id = $1::uuid AND p.subject_id = x.subject_id OFFSET 0) p
    ${customer('y', 'p.other_subject_id')}
    WHERE y.customer_id = ${other} OFFSET 0)`;

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

/**
 * Gives new subjects ($2) a customer: that of the user they were first seen with, as long as it has room ($3 subjects,
 * $4 merges a day), else one of their own.
 */
export const OPEN_MAPPINGS = {
  name: 'open_mappings',
  text: `
    WITH seen_with AS (
      SELECT DISTINCT ON (anonymous_subject_id) anonymous_subject_id AS subject_id, user_subject_id, event_id, occurred_at, ordinal
      FROM staged_events
      WHERE fresh AND user_subject_id IS NOT NULL AND anonymous_subject_id = ANY ($2::uuid[])
      ORDER BY anonymous_subject_id, ordinal
    ), wished AS (
      SELECT w.*, coalesce(m.customer_id, w.user_subject_id) AS customer_id, m.customer_id IS NULL AS is_new
      FROM seen_with w LEFT JOIN ${customerOf('m', 'w.user_subject_id')} ON true
    ), placed AS (
      SELECT w.*, row_number() OVER (PARTITION BY w.customer_id ORDER BY w.ordinal) AS place,
        row_number() OVER (PARTITION BY w.customer_id, ${dayOf('w.occurred_at')} ORDER BY w.ordinal) AS place_of_day
      FROM wished w
    ), joined AS MATERIALIZED (
      SELECT * FROM placed p
      WHERE p.place + CASE WHEN p.is_new THEN 1 ELSE ${subjectsOf('p.customer_id')} END <= $3
        AND p.place_of_day + CASE WHEN p.is_new THEN 0 ELSE ${mergesOfDay('p.customer_id', 'p.occurred_at')} END <= $4
    ), written AS (
      INSERT INTO ingestion.customer_merges
        (workspace_id, id, from_customer_id, into_customer_id, from_subject_id, into_subject_id, cause, event_id, occurred_at)
      SELECT $1::uuid, ingestion.uuid_v7(), subject_id, customer_id, subject_id, user_subject_id, 'SEEN_TOGETHER', event_id, occurred_at
      FROM joined ORDER BY ordinal
    ), target AS (
      SELECT subject_id, customer_id FROM joined
      UNION ALL
      SELECT n.id, n.id FROM unnest($2::uuid[]) AS n (id) WHERE (n.id IN (SELECT subject_id FROM joined)) IS NOT TRUE
    ), founded AS (
      INSERT INTO ingestion.customers (workspace_id, id)
      SELECT $1::uuid, subject_id FROM target WHERE customer_id = subject_id ORDER BY subject_id
    )
    INSERT INTO ingestion.subject_customers (workspace_id, subject_id, customer_id)
    SELECT $1::uuid, subject_id, customer_id FROM target ORDER BY subject_id`,
};

/**
 * Anonymous customers that were now seen together with a user: they go into the user's customer. A device that
 * has a user already stays with that user, so that a shared one joins nobody. $2 subjects and $3 merges a day.
 * Most events are of ids that belong together already: what costs more look-ups is asked only of those apart.
 */
const SEEN_TOGETHER = `
  WITH together AS MATERIALIZED (
    SELECT DISTINCT ON (anonymous_subject_id, user_subject_id) anonymous_subject_id, user_subject_id, event_id, occurred_at, ordinal FROM staged_events
    WHERE fresh AND anonymous_subject_id IS NOT NULL AND user_subject_id IS NOT NULL ORDER BY anonymous_subject_id, user_subject_id, ordinal
  ), apart AS MATERIALIZED (
    SELECT am.customer_id AS from_id, um.customer_id AS into_id,
      t.anonymous_subject_id AS from_subject_id, t.user_subject_id AS into_subject_id, t.event_id, t.occurred_at, t.ordinal
    FROM together t
    ${customer('am', 't.anonymous_subject_id')}
    ${customer('um', 't.user_subject_id')}
    WHERE am.customer_id <> um.customer_id
  ), met AS MATERIALIZED (
    SELECT DISTINCT ON (from_id) * FROM apart
    WHERE NOT ${hasUser('from_id')} AND NOT ${areSplit('from_id', 'into_id')}
    ORDER BY from_id, ordinal
  ), placed AS (
    SELECT m.*, sum(${subjectsOf('m.from_id')}) OVER (PARTITION BY m.into_id ORDER BY m.ordinal) AS brought,
      row_number() OVER (PARTITION BY m.into_id, ${dayOf('m.occurred_at')} ORDER BY m.ordinal) AS place_of_day
    FROM met m
  )
  SELECT from_id, into_id, from_subject_id, into_subject_id, event_id, occurred_at FROM placed p
  WHERE p.brought + ${subjectsOf('p.into_id')} <= $2 AND p.place_of_day + ${mergesOfDay('p.into_id', 'p.occurred_at')} <= $3`;

export const HAS_SEEN_TOGETHER = { name: 'has_seen_together', text: `SELECT EXISTS (${SEEN_TOGETHER}) AS found` };

/** Moves every subject of one customer to another: versions end and begin, the merge is written down, the old id redirects. */
const merge = (pairs: string, cause: string) => `
  WITH pairs AS (${pairs}), merges AS (
    INSERT INTO ingestion.customer_merges
      (workspace_id, id, from_customer_id, into_customer_id, from_subject_id, into_subject_id, cause, event_id, occurred_at)
    SELECT $1::uuid, ingestion.uuid_v7(), from_id, into_id, from_subject_id, into_subject_id, '${cause}', event_id, occurred_at FROM pairs
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
    SELECT event_id, user_id, previous_id, occurred_at::text AS occurred_at FROM staged_events
    WHERE fresh AND type = 'alias' AND $1::uuid IS NOT NULL AND user_id IS NOT NULL AND previous_id IS NOT NULL AND user_id <> previous_id ORDER BY ordinal`,
};

/** `$2` user id, `$3` previous id, `$4` event and `$5` its time, `$6` and `$7` the limits: an id that was never seen becomes an anonymous one of that user's customer. */
export const OPEN_ALIAS = {
  name: 'open_alias',
  text: `
    WITH target AS (
      SELECT m.customer_id, u.id AS user_subject_id FROM ${lookUp("'USER'", '$2')} u
      ${customer('m', 'u.id')}
      WHERE NOT EXISTS (SELECT FROM ingestion.subjects p WHERE p.workspace_id = $1::uuid AND p.kind IN ('USER', 'ANONYMOUS') AND p.external_id = $3)
        AND ${subjectsOf('m.customer_id')} < $6 AND ${mergesOfDay('m.customer_id', '$5::timestamptz')} < $7
    ), made AS (
      INSERT INTO ingestion.subjects (workspace_id, id, kind, external_id)
      SELECT $1::uuid, ingestion.uuid_v7(), 'ANONYMOUS', $3 FROM target ON CONFLICT DO NOTHING RETURNING id
    ), written AS (
      INSERT INTO ingestion.customer_merges
        (workspace_id, id, from_customer_id, into_customer_id, from_subject_id, into_subject_id, cause, event_id, occurred_at)
      SELECT $1::uuid, ingestion.uuid_v7(), made.id, target.customer_id, made.id, target.user_subject_id, 'ALIAS', $4::uuid, $5::timestamptz FROM made, target
    )
    INSERT INTO ingestion.subject_customers (workspace_id, subject_id, customer_id)
    SELECT $1::uuid, made.id, target.customer_id FROM made, target`,
};

/**
 * The same parameters: the customer of a former user id, or an anonymous customer without a user, is joined with the
 * user's; the older of two users keeps its customer id. The anonymous reading goes first, as Segment's clients mean it.
 */
export const MERGE_ALIAS = {
  name: 'merge_alias',
  text: merge(
    `WITH met AS MATERIALIZED (
       SELECT p.kind, p.id AS from_subject_id, u.id AS into_subject_id, pm.customer_id AS previous_id, um.customer_id AS user_id
       FROM ${lookUp("'USER'", '$2')} u
       CROSS JOIN LATERAL (
         SELECT kind, id FROM ${lookUp("'ANONYMOUS'", '$3')} a CROSS JOIN LATERAL (SELECT 'ANONYMOUS' AS kind) k
         UNION ALL
         SELECT kind, id FROM ${lookUp("'USER'", '$3')} f CROSS JOIN LATERAL (SELECT 'USER' AS kind) k
       ) p
       ${customer('pm', 'p.id')}
       ${customer('um', 'u.id')}
       WHERE pm.customer_id <> um.customer_id
     ), directed AS MATERIALIZED (
       SELECT m.*, CASE WHEN has.a_user THEN greatest(previous_id, user_id) ELSE previous_id END AS from_id,
         CASE WHEN has.a_user THEN least(previous_id, user_id) ELSE user_id END AS into_id
       FROM met m CROSS JOIN LATERAL (SELECT ${hasUser('m.previous_id')} AS a_user) has
       WHERE (kind = 'USER' OR NOT has.a_user) AND NOT ${areSplit('m.previous_id', 'm.user_id')}
     )
     SELECT from_id, into_id, from_subject_id, into_subject_id, $4::uuid AS event_id, $5::timestamptz AS occurred_at
     FROM directed d
     WHERE ${subjectsOf('d.from_id')} + ${subjectsOf('d.into_id')} <= $6 AND ${mergesOfDay('d.into_id', '$5::timestamptz')} < $7
     ORDER BY kind LIMIT 1`,
    'ALIAS',
  ),
};

/** Merges of a workspace one after the other; they are rare, and two at once could cross. */
export const LOCK_MERGES = { name: 'lock_merges', text: `SELECT pg_advisory_xact_lock(hashtextextended('merge:' || $1::text, 0))` };
