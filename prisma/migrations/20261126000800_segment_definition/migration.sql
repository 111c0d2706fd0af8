-- Segments that people define. Their members are rows of serving.memberships with level null.

CREATE TABLE serving.segment_definitions (
  workspace_id uuid        NOT NULL,
  segment_id   uuid        NOT NULL,
  -- CustomerCondition of segment_definition.proto; null: a fixed list, whose members are the list.
  condition    jsonb,
  -- Partitions of customers that were looked at since it was changed.
  built        smallint    NOT NULL DEFAULT 0,
  changed_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, segment_id),
  FOREIGN KEY (workspace_id, segment_id) REFERENCES serving.segments (workspace_id, id)
);

-- When the next event leaves the window of a rule: then the customer is looked at again.
CREATE TABLE serving.segment_deadlines (
  workspace_id uuid        NOT NULL,
  segment_id   uuid        NOT NULL,
  customer_id  uuid        NOT NULL,
  due_at       timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, segment_id, customer_id)
);
CREATE INDEX segment_deadlines_due ON serving.segment_deadlines (workspace_id, due_at);
CREATE INDEX segment_deadlines_of ON serving.segment_deadlines (workspace_id, customer_id);

-- How far the rules of a workspace have followed events, mappings and membership changes. Whoever changes a
-- definition or follows the feeds holds this row until its transaction ends.
CREATE TABLE serving.definition_positions (
  workspace_id     uuid        NOT NULL PRIMARY KEY,
  event_horizon    bigint      NOT NULL,
  event_sequence   bigint      NOT NULL,
  mapping_horizon  bigint      NOT NULL,
  mapping_sequence bigint      NOT NULL,
  change_xid       bigint      NOT NULL,
  change_sequence  bigint      NOT NULL,
  newest_event_at  timestamptz
);
SELECT kindred.protect(format('serving.%I', name)::regclass, 'serving')
FROM unnest(ARRAY['segment_definitions', 'segment_deadlines', 'definition_positions']) AS name;

-- Workspaces that have rules, and nothing else: outside of row security.
CREATE TABLE serving.open_definitions (workspace_id uuid NOT NULL PRIMARY KEY);
GRANT SELECT, INSERT, DELETE ON serving.open_definitions TO kindred_serving;
