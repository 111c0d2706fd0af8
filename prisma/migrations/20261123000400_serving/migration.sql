-- What serving keeps: lasting segments and how each model draws them, one state per customer and model, who
-- belongs where and since when, and the one row that says which model is served.
--
-- Time: `since`, `until` and `decided_at` are read times by the workspace's clock, so that "as of" speaks the
-- same language as the data; `at`, `created_at`, `activated_at` are wall time.

-- A segment keeps its id across models. `is_live`: the served model (or a rule, later) draws it now.
CREATE TABLE serving.segments (
  workspace_id        uuid        NOT NULL,
  id                  uuid        NOT NULL,
  kind                text        NOT NULL CHECK (kind IN ('LEARNED', 'RULE', 'EXAMPLE', 'STATIC')),
  name                text        NOT NULL,
  description         text        NOT NULL DEFAULT '',
  -- A person gave the name (the description): models leave it alone.
  is_renamed          boolean     NOT NULL DEFAULT false,
  is_redescribed      boolean     NOT NULL DEFAULT false,
  parent_id           uuid,
  is_live             boolean     NOT NULL DEFAULT false,
  created_at          timestamptz NOT NULL DEFAULT now(),
  retired_at          timestamptz,
  PRIMARY KEY (workspace_id, id)
);
-- Names are unique among the segments that are served, whatever their case.
CREATE UNIQUE INDEX segments_name ON serving.segments (workspace_id, lower(name)) WHERE is_live;

-- How one model draws a segment; `segment_index` is its place in the model's bundle.
CREATE TABLE serving.segment_versions (
  workspace_id         uuid        NOT NULL,
  model_id             uuid        NOT NULL,
  segment_index        integer     NOT NULL,
  segment_id           uuid        NOT NULL,
  name                 text        NOT NULL,
  description          text        NOT NULL,
  stability            double precision,
  traits               jsonb       NOT NULL,
  typical_customer_ids uuid[]      NOT NULL,
  size_at_discovery    bigint      NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, model_id, segment_index),
  FOREIGN KEY (workspace_id, segment_id) REFERENCES serving.segments (workspace_id, id)
);
CREATE UNIQUE INDEX segment_versions_of ON serving.segment_versions (workspace_id, segment_id, model_id);

-- A segment's life, one row per model change that touched it.
CREATE TABLE serving.segment_lineage (
  workspace_id        uuid        NOT NULL,
  id                  bigint      GENERATED ALWAYS AS IDENTITY,
  segment_id          uuid        NOT NULL,
  kind                text        NOT NULL CHECK (kind IN ('BORN', 'KEPT', 'SPLIT', 'MERGED', 'RETIRED')),
  model_id            uuid        NOT NULL,
  at                  timestamptz NOT NULL,
  related_segment_ids uuid[]      NOT NULL DEFAULT '{}',
  overlap             double precision NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX segment_lineage_of ON serving.segment_lineage (workspace_id, segment_id, id);

-- A model whose states are, or were, beside the served ones, and how far in the feed those states stand.
CREATE TABLE serving.shadow_models (
  workspace_id      uuid        NOT NULL,
  model_id          uuid        NOT NULL,
  uri               text        NOT NULL,
  hash              text        NOT NULL,
  customers_sha256  text        NOT NULL,
  champion_model_id uuid,
  -- Set once every state is in.
  prepared_at       timestamptz,
  customers         bigint      NOT NULL DEFAULT 0,
  -- Everything up to here is in the states.
  position_horizon  bigint      NOT NULL,
  position_sequence bigint      NOT NULL,
  -- Time of the newest event in the states: the workspace's now where its clock is DATA.
  newest_event_at   timestamptz,
  PRIMARY KEY (workspace_id, model_id)
);

-- What is served. The fence grows with every promotion; what carries an older one is dropped.
CREATE TABLE serving.active_model (
  workspace_id uuid        NOT NULL PRIMARY KEY,
  model_id     uuid        NOT NULL,
  fence        bigint      NOT NULL,
  activated_at timestamptz NOT NULL,
  FOREIGN KEY (workspace_id, model_id) REFERENCES serving.shadow_models (workspace_id, model_id)
);

-- One customer as one model sees them. `segment_index` -1: unlike anything seen.
CREATE TABLE serving.customer_states (
  workspace_id   uuid             NOT NULL,
  model_id       uuid             NOT NULL,
  customer_id    uuid             NOT NULL,
  segment_index  integer          NOT NULL,
  -- Another segment was read last time, too weakly to move at once (assignment.rule.ts).
  candidate_index integer,
  strength       double precision NOT NULL,
  novelty        double precision NOT NULL,
  map_x          real             NOT NULL,
  map_y          real             NOT NULL,
  read_at        timestamptz      NOT NULL,
  events         bigint           NOT NULL,
  first_event_at timestamptz,
  last_event_at  timestamptz,
  -- The state could not be carried on: the next reading begins from all events.
  is_broken      boolean          NOT NULL DEFAULT false,
  forecast       jsonb            NOT NULL,
  embedding      bytea            NOT NULL,
  state          bytea            NOT NULL,
  PRIMARY KEY (workspace_id, model_id, customer_id)
) WITH (fillfactor = 85);
-- Packed floats do not compress; without trying, reading and writing them costs less.
ALTER TABLE serving.customer_states ALTER COLUMN state SET STORAGE EXTERNAL, ALTER COLUMN embedding SET STORAGE EXTERNAL;
-- The sweep takes the states read longest ago.
CREATE INDEX customer_states_read ON serving.customer_states (workspace_id, model_id, read_at);
CREATE INDEX customer_states_segment ON serving.customer_states (workspace_id, model_id, segment_index);

-- Who belongs where, from `since` until `until` (null: now). `level` 0 is the learned partition: every customer
-- that the served model has read has one current row in it, and segment_id null says "unlike anything seen";
-- coarser partitions take further levels. Rule, example and static segments have level null and do not exclude.
CREATE TABLE serving.memberships (
  workspace_id uuid             NOT NULL,
  id           bigint           GENERATED ALWAYS AS IDENTITY,
  customer_id  uuid             NOT NULL,
  level        smallint,
  segment_id   uuid,
  since        timestamptz      NOT NULL,
  until        timestamptz,
  strength     double precision NOT NULL,
  decided_at   timestamptz      NOT NULL,
  model_id     uuid,
  PRIMARY KEY (workspace_id, id),
  CHECK (until >= since),
  CHECK (segment_id IS NOT NULL OR level IS NOT NULL)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX memberships_level ON serving.memberships (workspace_id, customer_id, level) WHERE until IS NULL AND level IS NOT NULL;
CREATE UNIQUE INDEX memberships_current ON serving.memberships (workspace_id, customer_id, segment_id) WHERE until IS NULL;
CREATE INDEX memberships_members ON serving.memberships (workspace_id, segment_id, strength DESC, customer_id) WHERE until IS NULL;
CREATE INDEX memberships_history ON serving.memberships (workspace_id, customer_id, since);
CREATE INDEX memberships_span ON serving.memberships (workspace_id, segment_id, since, until);

-- Members of each segment now, kept by the same transactions that change memberships. The nil id counts the
-- customers that are unlike anything seen; all rows of level 0 together are the population.
CREATE TABLE serving.segment_sizes (
  workspace_id uuid   NOT NULL,
  segment_id   uuid   NOT NULL,
  members      bigint NOT NULL CHECK (members >= 0),
  PRIMARY KEY (workspace_id, segment_id)
) WITH (fillfactor = 50);

-- What changed, in the order it committed: everything that writes here holds the workspace's write lock
-- before its transaction gets an id, so nothing committed later sorts before a row that could be read.
CREATE TABLE serving.membership_changes (
  workspace_id    uuid             NOT NULL,
  xid             bigint           NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
  sequence        bigint           GENERATED ALWAYS AS IDENTITY,
  customer_id     uuid             NOT NULL,
  from_segment_id uuid,
  to_segment_id   uuid,
  strength        double precision NOT NULL,
  at              timestamptz      NOT NULL DEFAULT now(),
  decided_at      timestamptz      NOT NULL,
  model_id        uuid,
  by_promotion    boolean          NOT NULL,
  PRIMARY KEY (workspace_id, xid, sequence)
);
CREATE INDEX membership_changes_customer ON serving.membership_changes (workspace_id, customer_id, xid, sequence);
CREATE INDEX membership_changes_from ON serving.membership_changes (workspace_id, from_segment_id, xid, sequence);
CREATE INDEX membership_changes_to ON serving.membership_changes (workspace_id, to_segment_id, xid, sequence);

SELECT kindred.protect(format('serving.%I', name)::regclass, 'serving')
FROM unnest(ARRAY[
  'segments', 'segment_versions', 'segment_lineage', 'shadow_models', 'active_model', 'customer_states',
  'memberships', 'segment_sizes', 'membership_changes'
]) AS name;

-- A backfill fills empty tables at once; until they are measured anew, plans are made for empty ones. Only an
-- owner may measure.
CREATE FUNCTION serving.measure_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  ANALYZE serving.customer_states, serving.memberships, serving.membership_changes, serving.segments, serving.segment_versions, serving.segment_sizes;
END
$$;
REVOKE ALL ON FUNCTION serving.measure_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION serving.measure_tables() TO kindred_serving;
