-- Identity that can be explained and undone. What joins two ids is a meeting: an event that carried both. The
-- meetings that hold are a forest over subjects; a customer is one of its trees, and bears the id of its oldest
-- user id (of the anonymous id, where there is no user). So whatever is merged and undone, in whatever order, the
-- same meetings make the same customers.

ALTER TABLE ingestion.customer_merges
  -- The two ids that met.
  ADD COLUMN from_subject_id uuid,
  ADD COLUMN into_subject_id uuid,
  -- Time of the event: joins of a long history are counted on the days on which they happened.
  ADD COLUMN occurred_at timestamptz,
  ADD COLUMN undone_by text,
  -- Null: joined before events were written down with it, or the event was erased.
  ALTER COLUMN event_id DROP NOT NULL;
-- The owner fills in what is missing in all workspaces, which forced row security would hide.
ALTER TABLE ingestion.customer_merges NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ingestion.subject_customers NO FORCE ROW LEVEL SECURITY;
UPDATE ingestion.customer_merges SET from_subject_id = from_customer_id, into_subject_id = into_customer_id, occurred_at = created_at;
-- New ids of known customers were not written down as merges before.
INSERT INTO ingestion.customer_merges
  (workspace_id, id, from_customer_id, into_customer_id, from_subject_id, into_subject_id, cause, created_at, occurred_at)
SELECT workspace_id, ingestion.uuid_v7(), subject_id, customer_id, subject_id, customer_id, 'SEEN_TOGETHER', created_at, created_at
FROM ingestion.subject_customers WHERE version = 1 AND customer_id <> subject_id;
ALTER TABLE ingestion.customer_merges FORCE ROW LEVEL SECURITY;
ALTER TABLE ingestion.subject_customers FORCE ROW LEVEL SECURITY;
ALTER TABLE ingestion.customer_merges
  ALTER COLUMN from_subject_id SET NOT NULL,
  ALTER COLUMN into_subject_id SET NOT NULL,
  ALTER COLUMN occurred_at SET NOT NULL;
DROP INDEX ingestion.customer_merges_from_idx;
CREATE INDEX customer_merges_from_subject_idx ON ingestion.customer_merges (workspace_id, from_subject_id);
CREATE INDEX customer_merges_into_subject_idx ON ingestion.customer_merges (workspace_id, into_subject_id);
CREATE INDEX customer_merges_day_idx ON ingestion.customer_merges (workspace_id, into_customer_id, occurred_at);

-- Two ids whose meeting was undone: no customer holds both again. Each pair lies here in both directions.
CREATE TABLE ingestion.split_subjects (
  workspace_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  other_subject_id uuid NOT NULL,
  merge_id uuid NOT NULL,
  PRIMARY KEY (workspace_id, subject_id, other_subject_id)
);
SELECT kindred.protect('ingestion.split_subjects', 'ingestion');

-- Ids that name nobody, beside those that every workspace blocks; `is_blocked` false lets such a one through.
CREATE TABLE ingestion.blocked_ids (
  workspace_id uuid NOT NULL,
  value text COLLATE "C" NOT NULL,
  is_blocked boolean NOT NULL,
  PRIMARY KEY (workspace_id, value)
);
SELECT kindred.protect('ingestion.blocked_ids', 'ingestion');

-- Serving builds the states of customers anew whose subjects came or went: how far each model has followed that.
-- A model's first states are of the customers at its position, which register() writes here.
ALTER TABLE serving.shadow_models
  ADD COLUMN mapping_horizon bigint NOT NULL DEFAULT 0,
  ADD COLUMN mapping_sequence bigint NOT NULL DEFAULT 0;

-- What a person may ask for: their data as a file, to be forgotten, to be left alone. Each is a row, worked off by a
-- job that may be lost. The ids a request is of are here only until it has ended.
CREATE TABLE ingestion.person_requests (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('EXPORT', 'ERASE', 'SUPPRESS')),
  state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED')),
  requested_by text NOT NULL,
  external_ids text[],
  -- Every id that the person's customer ever had.
  customer_ids uuid[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  -- Counts the attempts; only the latest one may write.
  fence integer NOT NULL DEFAULT 0,
  -- {"table": rows}, as far as it got; and the place in the feed of the first event erased.
  deleted jsonb NOT NULL DEFAULT '{}',
  first_horizon bigint,
  first_sequence bigint,
  -- Of an export, gone once the person is erased.
  artifact text,
  -- Signed (JWS), once it has succeeded.
  receipt text,
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (workspace_id, id),
  CHECK (external_ids IS NULL OR state IN ('QUEUED', 'RUNNING'))
);
CREATE INDEX person_requests_customers_idx ON ingestion.person_requests USING gin (customer_ids);
SELECT kindred.protect('ingestion.person_requests', 'ingestion');

-- The reconciler's list over all workspaces, as of imports.
CREATE TABLE ingestion.open_person_requests (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, DELETE ON ingestion.open_person_requests TO kindred_ingestion;

-- Ids whose events are dropped, as keyed digests: who asked to be left alone is not listed by that.
CREATE TABLE ingestion.suppressed_ids (
  workspace_id uuid NOT NULL,
  digest bytea NOT NULL,
  request_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, digest)
);
SELECT kindred.protect('ingestion.suppressed_ids', 'ingestion');

-- Customer ids that lead to nobody any more: what was copied before the erasure and arrives after it is left out.
CREATE TABLE ingestion.erased_customers (
  workspace_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  request_id uuid NOT NULL,
  erased_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, customer_id)
);
SELECT kindred.protect('ingestion.erased_customers', 'ingestion');

-- Published. Customers of the present workspace that were erased.
CREATE VIEW ingestion.erased_customers_v1 AS
SELECT workspace_id, customer_id, erased_at FROM ingestion.erased_customers WHERE workspace_id = (SELECT kindred.workspace());
GRANT CREATE ON SCHEMA ingestion TO kindred_ingestion;
ALTER VIEW ingestion.erased_customers_v1 OWNER TO kindred_ingestion;
REVOKE CREATE ON SCHEMA ingestion FROM kindred_ingestion;
GRANT SELECT ON ingestion.erased_customers_v1 TO kindred_serving;

-- Counts what was forgotten out of a model's states, so that a batch read before it is not written after it.
ALTER TABLE serving.shadow_models ADD COLUMN erasures integer NOT NULL DEFAULT 0;
