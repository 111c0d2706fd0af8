-- Old events go to Parquet in the artefact store, each workspace's month a file of its own, and may be dropped from
-- there by policy.

-- Read over all workspaces by whoever applies them: ids and numbers and nothing else, so it lies outside row security.
CREATE TABLE ingestion.retention_policies (
  workspace_id uuid NOT NULL PRIMARY KEY,
  -- Days behind now at which a month must have ended. Null: kept as it is.
  archive_after_days integer CHECK (archive_after_days > 0),
  drop_after_days integer CHECK (drop_after_days >= archive_after_days),
  set_at timestamptz NOT NULL DEFAULT now(),
  set_by text NOT NULL,
  -- What is dropped was archived before.
  CHECK (drop_after_days IS NULL OR archive_after_days IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE ON ingestion.retention_policies TO kindred_ingestion;

-- What archives, drops or replays: a row, worked off by a job that may be lost.
CREATE TABLE ingestion.archive_requests (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('ARCHIVE', 'REPLAY')),
  state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  -- Key id, or "policy".
  requested_by text NOT NULL,
  -- ARCHIVE: months that ended by then are archived, archives that ended by then are dropped (null: none).
  archive_before timestamptz,
  drop_before timestamptz,
  -- REPLAY: which archive, into which workspace, and the place in the feed of the last event that was replayed.
  archive_id uuid,
  into_workspace_id uuid,
  done_horizon bigint NOT NULL DEFAULT 0,
  done_sequence bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  fence integer NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  events_total bigint NOT NULL DEFAULT 0,
  events_done bigint NOT NULL DEFAULT 0,
  -- Of a replay.
  events_stored bigint NOT NULL DEFAULT 0,
  events_duplicate bigint NOT NULL DEFAULT 0,
  events_rejected bigint NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (workspace_id, id),
  CHECK ((kind = 'REPLAY') = (archive_id IS NOT NULL AND into_workspace_id IS NOT NULL))
);
-- One at a time moves a workspace's events.
CREATE UNIQUE INDEX archive_requests_open_key ON ingestion.archive_requests (workspace_id) WHERE kind = 'ARCHIVE' AND state IN ('QUEUED', 'RUNNING');
SELECT kindred.protect('ingestion.archive_requests', 'ingestion');

-- The reconciler's list over all workspaces, as of imports.
CREATE TABLE ingestion.open_archive_requests (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, DELETE ON ingestion.open_archive_requests TO kindred_ingestion;

-- A file of events of one workspace and month. A month has several where events came late.
CREATE TABLE ingestion.event_archives (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  request_id uuid NOT NULL,
  -- WRITING: its events are in Postgres still. ARCHIVED: in the file, and nowhere else. DROPPING and DROPPED: nowhere.
  state text NOT NULL CHECK (state IN ('WRITING', 'ARCHIVED', 'DROPPING', 'DROPPED')),
  -- The month, and which of its events: those committed below a horizon and received by a moment.
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL,
  below_horizon bigint NOT NULL,
  received_before timestamptz NOT NULL,
  -- The file, with what was checked of it before its events left Postgres. It is written anew, under another name,
  -- where a person is erased.
  artifact text,
  -- Files that were replaced or dropped and are still to be removed.
  stale_artifacts text[] NOT NULL DEFAULT '{}',
  sha256 text,
  bytes bigint NOT NULL DEFAULT 0,
  events bigint NOT NULL DEFAULT 0,
  behaviour_events bigint NOT NULL DEFAULT 0,
  -- Sum over the events of a digest of each: whatever their order, the same events make the same.
  digest numeric,
  first_occurred_at timestamptz,
  last_occurred_at timestamptz,
  last_horizon bigint,
  last_sequence bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  archived_at timestamptz,
  dropped_at timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX event_archives_period_idx ON ingestion.event_archives (workspace_id, period_start);
SELECT kindred.protect('ingestion.event_archives', 'ingestion');

-- What archives hold of each subject: customers are counted right without a file being opened, and a person's files
-- are found.
CREATE TABLE ingestion.archived_subjects (
  workspace_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  archive_id uuid NOT NULL,
  events bigint NOT NULL,
  first_occurred_at timestamptz NOT NULL,
  last_occurred_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, subject_id, archive_id)
);
CREATE INDEX archived_subjects_archive_idx ON ingestion.archived_subjects (workspace_id, archive_id);
SELECT kindred.protect('ingestion.archived_subjects', 'ingestion');

-- Rows that the ledger counted on their arrival and that went with a dropped archive, by hour of arrival: it is recounted
-- from what is left and these.
CREATE TABLE ingestion.ledger_drops (
  workspace_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  stored bigint NOT NULL,
  duplicate bigint NOT NULL,
  PRIMARY KEY (workspace_id, hour)
);
SELECT kindred.protect('ingestion.ledger_drops', 'ingestion');

-- Of an event as the archive's file holds it; DuckDB computes the same of the file (archive.digest.ts).
CREATE FUNCTION ingestion.event_digest(event_id uuid, sequence bigint, occurred_at timestamptz, subject_id uuid, message_id text, name text,
  anonymous_id text, previous_id text, properties text, context text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT ('x' || substr(md5(concat_ws('|', event_id, sequence, (extract(epoch FROM occurred_at) * 1000000)::bigint, subject_id, message_id, name,
    anonymous_id, previous_id, properties, context)), 1, 15))::bit(60)::bigint
$$;

-- Drops a month that holds no event of any workspace. Waits for nobody: what is in use is dropped another time.
CREATE FUNCTION ingestion.drop_empty_event_partition(moment timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' SET lock_timeout = '300ms'
AS $$
DECLARE
  partition text := 'events_' || to_char(moment, CASE WHEN moment < '2020-01-01' THEN 'YYYY' ELSE 'YYYY_MM' END);
  is_empty boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7146304);
  IF to_regclass('ingestion.' || partition) IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('LOCK TABLE ingestion.%I IN ACCESS EXCLUSIVE MODE', partition);
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM ingestion.%I)', partition) INTO is_empty;
  IF is_empty THEN
    EXECUTE format('DROP TABLE ingestion.%I', partition);
  END IF;
  RETURN is_empty;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RETURN false;
END
$$;
REVOKE ALL ON FUNCTION ingestion.drop_empty_event_partition(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingestion.drop_empty_event_partition(timestamptz) TO kindred_ingestion;

-- The months there are.
CREATE FUNCTION ingestion.event_periods() RETURNS TABLE (period_start timestamptz, period_end timestamptz)
LANGUAGE sql STABLE SET timezone = 'UTC'
AS $$
  SELECT s.starts, s.starts + CASE WHEN length(c.relname) = 11 THEN interval '1 year' ELSE interval '1 month' END
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  CROSS JOIN LATERAL (SELECT to_timestamp(substr(c.relname, 8), CASE WHEN length(c.relname) = 11 THEN 'YYYY' ELSE 'YYYY_MM' END) AS starts) s
  WHERE i.inhparent = 'ingestion.events'::regclass
  ORDER BY 1
$$;
