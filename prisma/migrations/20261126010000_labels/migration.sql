-- What people know of some customers (training owns it: docs/architecture.md), and what is learned from that.
ALTER TYPE training.open_work_kind ADD VALUE 'HEAD';
CREATE TYPE training.label_kind AS ENUM ('BINARY');
CREATE TYPE training.head_state AS ENUM ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED');

CREATE TABLE training.label_sets (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  kind training.label_kind NOT NULL,
  -- Null: labels hold as customers stand whenever a head is trained.
  as_of timestamptz(6),
  requested_by text NOT NULL,
  created_at timestamptz(6) NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
);

-- By the id that events carry, not by customer: who that is, is settled when a head is trained, so that merges and
-- their undoing hold for labels too.
CREATE TABLE training.labels (
  workspace_id uuid NOT NULL,
  label_set_id uuid NOT NULL,
  user_id text NOT NULL,
  value boolean NOT NULL,
  -- Null: that of the label set.
  as_of timestamptz(6),
  added_at timestamptz(6) NOT NULL,
  PRIMARY KEY (workspace_id, label_set_id, user_id),
  FOREIGN KEY (workspace_id, label_set_id) REFERENCES training.label_sets ON DELETE CASCADE
);
-- For exports and erasures of people.
CREATE INDEX labels_of_user ON training.labels (workspace_id, user_id);

CREATE TABLE training.heads (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  label_set_id uuid NOT NULL,
  model_id uuid NOT NULL,
  -- HeadSpec as JSON; never changed after the start.
  spec jsonb NOT NULL,
  requested_by text NOT NULL,
  state training.head_state NOT NULL,
  -- Counts attempts: only the latest may write.
  fence integer NOT NULL,
  cancel_requested boolean NOT NULL,
  progress double precision NOT NULL,
  step text NOT NULL,
  remaining_seconds double precision NOT NULL,
  error text,
  -- HeadEvaluation as JSON.
  evaluation jsonb,
  -- Every file of the head: path, sha256, bytes.
  files jsonb,
  as_of timestamptz(6),
  created_at timestamptz(6) NOT NULL,
  started_at timestamptz(6),
  finished_at timestamptz(6),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, label_set_id) REFERENCES training.label_sets ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, model_id) REFERENCES training.models,
  CONSTRAINT heads_end CHECK ((state IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
  CONSTRAINT heads_error CHECK ((state = 'FAILED') = (error IS NOT NULL)),
  CONSTRAINT heads_result CHECK ((state = 'SUCCEEDED') = (evaluation IS NOT NULL))
);
CREATE INDEX heads_of_set ON training.heads (workspace_id, label_set_id, id DESC);
-- One at a time of each label set.
CREATE UNIQUE INDEX heads_one_active ON training.heads (workspace_id, label_set_id) WHERE state IN ('QUEUED', 'RUNNING');
SELECT kindred.protect(format('training.%I', name)::regclass, 'training') FROM unnest(ARRAY['label_sets', 'labels', 'heads']) AS name;

-- Which head speaks for a label set. A head's predictions are loaded beside the served ones and then switched to here.
CREATE TABLE serving.served_heads (
  workspace_id uuid NOT NULL,
  label_set_id uuid NOT NULL,
  head_id uuid NOT NULL,
  as_of timestamptz(6) NOT NULL,
  PRIMARY KEY (workspace_id, label_set_id)
);

CREATE TABLE serving.predictions (
  workspace_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  head_id uuid NOT NULL,
  label_set_id uuid NOT NULL,
  probability real NOT NULL,
  PRIMARY KEY (workspace_id, customer_id, head_id)
);
-- For dropping what a head said.
CREATE INDEX predictions_of_head ON serving.predictions (workspace_id, label_set_id, head_id);
SELECT kindred.protect(format('serving.%I', name)::regclass, 'serving') FROM unnest(ARRAY['served_heads', 'predictions']) AS name;
