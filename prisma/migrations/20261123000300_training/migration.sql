CREATE TYPE training.run_state AS ENUM (
  'QUEUED', 'SNAPSHOTTING', 'TRAINING', 'DISCOVERING', 'EVALUATING', 'BACKFILLING', 'SUCCEEDED', 'FAILED', 'CANCELLING', 'CANCELLED'
);
CREATE TYPE training.run_trigger AS ENUM ('PERSON', 'SCHEDULE', 'DRIFT', 'STUDY');
CREATE TYPE training.model_state AS ENUM ('CANDIDATE', 'APPROVED', 'HELD', 'CHAMPION', 'RETIRED');
CREATE TYPE training.promotion_state AS ENUM ('PENDING', 'DONE', 'SUPERSEDED');
CREATE TYPE training.open_work_kind AS ENUM ('RUN', 'MODEL');

CREATE TABLE training.runs (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  trigger training.run_trigger NOT NULL,
  requested_by text NOT NULL,
  parent_run_id uuid,
  study_id uuid,
  spec jsonb NOT NULL,
  spec_version integer NOT NULL,
  sample_fraction double precision NOT NULL,
  seed bigint NOT NULL,
  code_version text NOT NULL,
  state training.run_state NOT NULL,
  fence integer NOT NULL,
  fenced_at timestamptz(6) NOT NULL,
  holder uuid,
  holder_seen_at timestamptz(6),
  absent_since timestamptz(6),
  revision integer NOT NULL,
  progress double precision NOT NULL,
  step text NOT NULL,
  rate double precision NOT NULL,
  rate_unit text NOT NULL,
  remaining_seconds double precision NOT NULL,
  position_horizon bigint,
  position_sequence bigint,
  data_hash text,
  events bigint NOT NULL,
  customers bigint NOT NULL,
  error_code text,
  error_message text,
  error_state training.run_state,
  model_id uuid,
  created_at timestamptz(6) NOT NULL,
  started_at timestamptz(6),
  finished_at timestamptz(6),
  PRIMARY KEY (workspace_id, id),
  CONSTRAINT runs_end CHECK ((state IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
  CONSTRAINT runs_error CHECK ((state = 'FAILED') = (error_code IS NOT NULL)),
  CONSTRAINT runs_model CHECK ((state = 'SUCCEEDED') = (model_id IS NOT NULL))
)
-- A running run's row changes four times a second: room for the new versions on the same page.
WITH (fillfactor = 50);
-- One run at a time per workspace.
CREATE UNIQUE INDEX runs_one_active ON training.runs (workspace_id) WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED');
SELECT kindred.protect('training.runs', 'training');

CREATE TABLE training.run_steps (
  workspace_id uuid NOT NULL,
  run_id uuid NOT NULL,
  state training.run_state NOT NULL,
  started_at timestamptz(6) NOT NULL,
  finished_at timestamptz(6),
  attempts integer NOT NULL,
  failures integer NOT NULL,
  input jsonb NOT NULL,
  result jsonb,
  PRIMARY KEY (workspace_id, run_id, state),
  FOREIGN KEY (workspace_id, run_id) REFERENCES training.runs ON DELETE CASCADE
);
SELECT kindred.protect('training.run_steps', 'training');

CREATE TABLE training.run_metrics (
  workspace_id uuid NOT NULL,
  run_id uuid NOT NULL,
  name text NOT NULL,
  steps bigint[] NOT NULL,
  "values" double precision[] NOT NULL,
  PRIMARY KEY (workspace_id, run_id, name),
  FOREIGN KEY (workspace_id, run_id) REFERENCES training.runs ON DELETE CASCADE,
  CONSTRAINT run_metrics_bound CHECK (cardinality(steps) = cardinality("values") AND cardinality(steps) <= 500)
);
SELECT kindred.protect('training.run_metrics', 'training');

CREATE TABLE training.models (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  version integer NOT NULL,
  state training.model_state NOT NULL,
  run_id uuid NOT NULL,
  uri text NOT NULL,
  hash text NOT NULL,
  customers_uri text NOT NULL,
  customers_sha256 text NOT NULL,
  files jsonb NOT NULL,
  position_horizon bigint NOT NULL,
  position_sequence bigint NOT NULL,
  events bigint NOT NULL,
  customers bigint NOT NULL,
  segment_count integer NOT NULL,
  segments jsonb NOT NULL,
  retired_champion_indexes integer[] NOT NULL,
  champion_model_id uuid,
  measures jsonb NOT NULL,
  verdict text NOT NULL,
  created_at timestamptz(6) NOT NULL,
  promoted_at timestamptz(6),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, version),
  UNIQUE (workspace_id, run_id)
);
CREATE UNIQUE INDEX models_one_champion ON training.models (workspace_id) WHERE state = 'CHAMPION';
SELECT kindred.protect('training.models', 'training');

CREATE TABLE training.promotions (
  workspace_id uuid NOT NULL,
  fence integer NOT NULL,
  model_id uuid NOT NULL,
  former_model_id uuid,
  requested_by text NOT NULL,
  is_rollback boolean NOT NULL,
  state training.promotion_state NOT NULL,
  created_at timestamptz(6) NOT NULL,
  activated_at timestamptz(6),
  moved bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, fence)
);
SELECT kindred.protect('training.promotions', 'training');

-- The reconciler's list over all workspaces: ids and nothing else, so it lies outside row security. Kept in the
-- same transactions that open and close the work.
CREATE TABLE training.open_work (
  workspace_id uuid NOT NULL,
  kind training.open_work_kind NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (workspace_id, kind, id)
);
GRANT SELECT, INSERT, DELETE ON training.open_work TO kindred_training;
