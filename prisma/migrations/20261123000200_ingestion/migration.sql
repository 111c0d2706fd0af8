-- Events in, and who they are of. The message ids, not the events, say what came before: a retry may carry
-- another corrected time, so that time partitions cannot tell a duplicate.

GRANT USAGE ON SCHEMA ingestion TO kindred_serving;
DO $$
BEGIN
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO kindred_ingestion', current_database());
END
$$;

-- Version 7, so that ids of one table lie together in its index; Postgres has its own from 18 on only.
CREATE FUNCTION ingestion.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
      52, 1), 53, 1),
    'hex')::uuid
$$;

-- The feed: (horizon, sequence) is a place that nothing committed later can slip before, once the horizon lies
-- below every transaction still running.
CREATE SEQUENCE ingestion.feed_sequence CACHE 256;
GRANT USAGE ON SEQUENCE ingestion.feed_sequence TO kindred_ingestion;

CREATE FUNCTION ingestion.current_horizon() RETURNS bigint
LANGUAGE sql VOLATILE
AS $$ SELECT pg_current_xact_id()::text::bigint $$;

CREATE FUNCTION ingestion.safe_horizon() RETURNS bigint
LANGUAGE sql STABLE
AS $$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint $$;

CREATE TABLE ingestion.events (
  workspace_id uuid NOT NULL,
  horizon bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
  sequence bigint NOT NULL DEFAULT nextval('ingestion.feed_sequence'),
  occurred_at timestamptz NOT NULL,
  id uuid NOT NULL,
  -- Kept for ever; which customer it belongs to is said beside it. Null: group and alias without a person.
  subject_id uuid,
  type text NOT NULL,
  name text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  received_at timestamptz NOT NULL,
  sent_at timestamptz,
  -- The sender's own time, before its clock was corrected.
  original_at timestamptz,
  time_clamped boolean NOT NULL DEFAULT false,
  user_id text COLLATE "C",
  anonymous_id text COLLATE "C",
  group_id text COLLATE "C",
  previous_id text COLLATE "C",
  import_id uuid,
  properties jsonb NOT NULL,
  context jsonb,
  PRIMARY KEY (workspace_id, horizon, sequence, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX events_subject_idx ON ingestion.events (workspace_id, subject_id, occurred_at, sequence);
CREATE INDEX events_received_idx ON ingestion.events USING brin (received_at);
SELECT kindred.protect('ingestion.events', 'ingestion');

-- A month each; years before 2020 share a partition, so that hostile or old times cannot make hundreds.
-- Made beside the table and then attached, which lets readers and writers go on.
CREATE FUNCTION ingestion.ensure_event_partition(moment timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC'
AS $$
DECLARE
  unit text := CASE WHEN moment < '2020-01-01' THEN 'year' ELSE 'month' END;
  starts timestamptz := date_trunc(unit, moment);
  ends timestamptz := starts + ('1 ' || unit)::interval;
  partition text := 'events_' || to_char(starts, CASE unit WHEN 'year' THEN 'YYYY' ELSE 'YYYY_MM' END);
BEGIN
  IF to_regclass('ingestion.' || partition) IS NOT NULL THEN
    RETURN partition;
  END IF;
  PERFORM pg_advisory_xact_lock(7146304);
  IF to_regclass('ingestion.' || partition) IS NULL THEN
    EXECUTE format('CREATE TABLE ingestion.%I (LIKE ingestion.events INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION)', partition);
    EXECUTE format('REVOKE ALL ON ingestion.%I FROM PUBLIC, kindred_ingestion', partition);
    EXECUTE format('ALTER TABLE ingestion.events ATTACH PARTITION ingestion.%I FOR VALUES FROM (%L) TO (%L)', partition, starts, ends);
  END IF;
  RETURN partition;
END
$$;
REVOKE ALL ON FUNCTION ingestion.ensure_event_partition(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingestion.ensure_event_partition(timestamptz) TO kindred_ingestion;

-- lz4 where this Postgres was built with it: pglz would cost more than all the rest of an insert.
DO $$
BEGIN
  ALTER TABLE ingestion.events ALTER COLUMN properties SET COMPRESSION lz4, ALTER COLUMN context SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  NULL;
END
$$;

-- An entry lives as long as its event, archive included.
CREATE TABLE ingestion.message_ids (
  workspace_id uuid NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  -- Both lead to the event: its partition, and the commit it was stored in.
  occurred_at timestamptz NOT NULL,
  horizon bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
  received_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, message_id)
) PARTITION BY HASH (workspace_id, message_id);
DO $$
BEGIN
  FOR part IN 0..15 LOOP
    EXECUTE format('CREATE TABLE ingestion.message_ids_%s PARTITION OF ingestion.message_ids FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
  END LOOP;
END
$$;
SELECT kindred.protect('ingestion.message_ids', 'ingestion');

-- One row each time a known message id came again.
CREATE TABLE ingestion.duplicate_events (
  workspace_id uuid NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  received_at timestamptz NOT NULL,
  source text NOT NULL,
  PRIMARY KEY (workspace_id, message_id, sequence)
);
CREATE INDEX duplicate_events_received_idx ON ingestion.duplicate_events USING brin (received_at);
SELECT kindred.protect('ingestion.duplicate_events', 'ingestion');

-- Quarantine: what was refused, whole. A payload may hold what text cannot (NUL), hence bytes.
CREATE TABLE ingestion.rejected_events (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  -- EVENT counts in the event ledger; ROW is a line of a file that no event could be made of.
  unit text NOT NULL CHECK (unit IN ('EVENT', 'ROW')),
  received_at timestamptz NOT NULL,
  message_id text COLLATE "C",
  reason text NOT NULL,
  detail text NOT NULL,
  payload bytea NOT NULL,
  source text NOT NULL,
  import_id uuid,
  line bigint,
  -- Of the file and its line (or message id), so that the same file again adds nothing.
  fingerprint text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX rejected_events_fingerprint_key ON ingestion.rejected_events (workspace_id, fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX rejected_events_message_idx ON ingestion.rejected_events (workspace_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX rejected_events_reason_idx ON ingestion.rejected_events (workspace_id, reason, id);
SELECT kindred.protect('ingestion.rejected_events', 'ingestion');

-- The ledger: written in the transaction that stored its events, one row per moment of arrival.
CREATE TABLE ingestion.intake_batches (
  workspace_id uuid NOT NULL,
  received_at timestamptz NOT NULL,
  id uuid NOT NULL,
  source text NOT NULL,
  received bigint NOT NULL,
  stored bigint NOT NULL,
  duplicate bigint NOT NULL,
  rejected bigint NOT NULL,
  PRIMARY KEY (workspace_id, received_at, id),
  CHECK (received = stored + duplicate + rejected)
);
SELECT kindred.protect('ingestion.intake_batches', 'ingestion');

-- An id that events carry: a user id or an anonymous id.
CREATE TABLE ingestion.subjects (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('USER', 'ANONYMOUS')),
  external_id text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX subjects_external_id_key ON ingestion.subjects (workspace_id, kind, external_id);
SELECT kindred.protect('ingestion.subjects', 'ingestion');

CREATE TABLE ingestion.customers (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  -- The customer that this one went into; its id redirects.
  merged_into uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX customers_merged_idx ON ingestion.customers (workspace_id, merged_into) WHERE merged_into IS NOT NULL;
SELECT kindred.protect('ingestion.customers', 'ingestion');

-- Every joining of customers with what caused it, so that it can be explained and undone.
CREATE TABLE ingestion.customer_merges (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  from_customer_id uuid NOT NULL,
  into_customer_id uuid NOT NULL,
  cause text NOT NULL CHECK (cause IN ('SEEN_TOGETHER', 'ALIAS')),
  event_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  undone_at timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX customer_merges_from_idx ON ingestion.customer_merges (workspace_id, from_customer_id);
SELECT kindred.protect('ingestion.customer_merges', 'ingestion');

-- Which customer a subject belongs to: versions, of which one is open. Events never change for it.
CREATE TABLE ingestion.subject_customers (
  workspace_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1,
  customer_id uuid NOT NULL,
  horizon bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
  sequence bigint NOT NULL DEFAULT nextval('ingestion.feed_sequence'),
  ended_horizon bigint,
  merge_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, subject_id, version)
);
CREATE UNIQUE INDEX subject_customers_open_key ON ingestion.subject_customers (workspace_id, subject_id) INCLUDE (customer_id) WHERE ended_horizon IS NULL;
CREATE INDEX subject_customers_customer_idx ON ingestion.subject_customers (workspace_id, customer_id) WHERE ended_horizon IS NULL;
CREATE INDEX subject_customers_changes_idx ON ingestion.subject_customers (workspace_id, horizon, sequence) WHERE version > 1;
SELECT kindred.protect('ingestion.subject_customers', 'ingestion');

-- What identify says, by subject and name; the latest by its own time holds, whatever the order of arrival.
CREATE TABLE ingestion.subject_attributes (
  workspace_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  value jsonb NOT NULL,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, subject_id, name)
);
SELECT kindred.protect('ingestion.subject_attributes', 'ingestion');

CREATE TABLE ingestion.imports (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  artifact text NOT NULL,
  file_name text NOT NULL,
  file_sha256 text,
  mapping jsonb NOT NULL,
  mapping_guessed boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  rows_read bigint NOT NULL DEFAULT 0,
  rows_total bigint NOT NULL DEFAULT 0,
  rows_folded bigint NOT NULL DEFAULT 0,
  -- {"reason": rows}
  skipped jsonb NOT NULL DEFAULT '{}',
  rejected jsonb NOT NULL DEFAULT '{}',
  events_stored bigint NOT NULL DEFAULT 0,
  events_duplicate bigint NOT NULL DEFAULT 0,
  events_rejected bigint NOT NULL DEFAULT 0,
  -- Events committed so far, in the file's one order; where a restart goes on.
  events_done bigint NOT NULL DEFAULT 0,
  -- Counts the attempts; only the latest one may write.
  fence integer NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (workspace_id, id)
);
SELECT kindred.protect('ingestion.imports', 'ingestion');

-- The reconciler's list over all workspaces: ids and nothing else, so it lies outside row security. Kept in the
-- same transactions that begin and end the imports.
CREATE TABLE ingestion.open_imports (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, DELETE ON ingestion.open_imports TO kindred_ingestion;

CREATE TABLE ingestion.snapshots (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  request_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('WRITING', 'READY', 'FAILED')),
  uri text NOT NULL,
  content_hash text,
  horizon bigint,
  sequence bigint,
  events bigint,
  customers bigint,
  now timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX snapshots_request_key ON ingestion.snapshots (workspace_id, request_id) WHERE state <> 'FAILED';
SELECT kindred.protect('ingestion.snapshots', 'ingestion');

-- Published. Behaviour events of the present workspace in feed order, each with the customer it belongs to now.
CREATE VIEW ingestion.event_feed_v1 AS
SELECT
  e.workspace_id, e.horizon, e.sequence, e.id AS event_id, m.customer_id, e.subject_id,
  e.type, e.name, e.occurred_at, e.received_at, e.properties
FROM ingestion.events e
JOIN ingestion.subject_customers m
  ON m.workspace_id = e.workspace_id AND m.subject_id = e.subject_id AND m.ended_horizon IS NULL
WHERE e.workspace_id = (SELECT kindred.workspace())
  AND e.horizon < (SELECT ingestion.safe_horizon())
  AND e.type IN ('track', 'page', 'screen');

-- Published. Subjects that went from one customer to another, in feed order: whose state to build anew.
CREATE VIEW ingestion.mapping_feed_v1 AS
SELECT m.workspace_id, m.horizon, m.sequence, m.subject_id, p.customer_id AS from_customer_id, m.customer_id AS into_customer_id, m.created_at
FROM ingestion.subject_customers m
JOIN ingestion.subject_customers p
  ON p.workspace_id = m.workspace_id AND p.subject_id = m.subject_id AND p.version = m.version - 1
WHERE m.workspace_id = (SELECT kindred.workspace())
  AND m.version > 1
  AND m.horizon < (SELECT ingestion.safe_horizon());

-- The views read as ingestion, so that row-level security holds inside of them too.
DO $$
BEGIN
  IF NOT pg_has_role(current_user, 'kindred_ingestion', 'MEMBER') THEN
    EXECUTE format('GRANT kindred_ingestion TO %I', current_user);
  END IF;
END
$$;
GRANT CREATE ON SCHEMA ingestion TO kindred_ingestion;
ALTER VIEW ingestion.event_feed_v1 OWNER TO kindred_ingestion;
ALTER VIEW ingestion.mapping_feed_v1 OWNER TO kindred_ingestion;
REVOKE CREATE ON SCHEMA ingestion FROM kindred_ingestion;
GRANT SELECT ON ingestion.event_feed_v1, ingestion.mapping_feed_v1 TO kindred_serving;
