-- What was refused can be mended, replayed and discarded; what events should look like can be declared.

ALTER TABLE ingestion.rejected_events
  ADD COLUMN state text NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'REPLAYED', 'DISCARDED')),
  -- What its request said of it beside it, without which it would not be decoded as it was: the type that the
  -- path said, the time of sending, and the context of the batch (only a small one, see event.decoder.ts).
  ADD COLUMN call_type text,
  ADD COLUMN sent_at timestamptz,
  ADD COLUMN batch_context text,
  -- Beside what came, which never changes.
  ADD COLUMN mended_payload bytea,
  ADD COLUMN mended_at timestamptz,
  -- What the replay made of it.
  ADD COLUMN outcome text CHECK (outcome IN ('STORED', 'DUPLICATE')),
  ADD COLUMN stored_message_id text COLLATE "C",
  ADD COLUMN resolved_at timestamptz,
  ADD COLUMN resolved_by text,
  ADD COLUMN note text,
  ADD CONSTRAINT rejected_events_resolved_check CHECK ((state = 'OPEN') = (resolved_at IS NULL) AND (state = 'REPLAYED') = (outcome IS NOT NULL));
-- Groups are counted, and a reason's open events walked, by index alone.
CREATE INDEX rejected_events_group_idx ON ingestion.rejected_events (workspace_id, state, reason, source, received_at, id);

-- How a replay counts: it is no arrival. An event that arrived once is in `received` once, and moves from `rejected`
-- to `stored` or `duplicate`, at the moment and source of its arrival. Written as two rows in the transaction that
-- stores it: the store's own (n received, n stored) and its counterpart (-n received, -n rejected), so that the rows
-- of a range always add up, and each for itself. A row of a file was never in the ledger and has no counterpart: it
-- arrives as an event when it is replayed. What is discarded stays rejected.
COMMENT ON TABLE ingestion.intake_batches IS
  'received = stored + duplicate + rejected in every row and so in every range. Rows with negative numbers take replayed events out of the rejected ones.';

-- What events should look like, every version kept: a row holds from `version` of the workspace's plan until before
-- `ended_version`.
CREATE TABLE ingestion.tracking_plans (
  workspace_id uuid NOT NULL,
  event_name text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  -- JSON Schema 2020-12 of the properties.
  schema jsonb NOT NULL,
  mode text NOT NULL CHECK (mode IN ('OBSERVE', 'ENFORCE')),
  set_at timestamptz NOT NULL DEFAULT now(),
  set_by text NOT NULL,
  ended_version integer,
  PRIMARY KEY (workspace_id, event_name, version),
  CHECK (ended_version > version)
);
CREATE UNIQUE INDEX tracking_plans_open_key ON ingestion.tracking_plans (workspace_id, event_name) WHERE ended_version IS NULL;
SELECT kindred.protect('ingestion.tracking_plans', 'ingestion');

-- What every replica of the intake looks at each second over all workspaces: ids and numbers and nothing else, so it
-- lies outside row security. Raised in the transaction that changes a plan.
CREATE TABLE ingestion.tracking_plan_versions (
  workspace_id uuid NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (workspace_id)
);
GRANT SELECT, INSERT, UPDATE ON ingestion.tracking_plan_versions TO kindred_ingestion;

-- Counted in the transaction that stores or refuses the events. Bounded as it is written: above a hundred ways an
-- event, source and hour the rest is counted in one row (property and rule '…'); hours older than 30 days are deleted.
CREATE TABLE ingestion.tracking_plan_violations (
  workspace_id uuid NOT NULL,
  -- Of arrival.
  hour timestamptz NOT NULL,
  event_name text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  property text COLLATE "C" NOT NULL,
  rule text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  refused bigint NOT NULL,
  example_message_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace_id, hour, event_name, source, property, rule)
);
SELECT kindred.protect('ingestion.tracking_plan_violations', 'ingestion');
