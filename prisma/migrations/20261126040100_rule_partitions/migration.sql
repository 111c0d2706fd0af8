-- Rules are followed by partitions of customers, under the leases that divide scoring: each partition stands somewhere of its own.
ALTER TABLE serving.definition_positions ADD COLUMN partition smallint NOT NULL DEFAULT 0;
ALTER TABLE serving.definition_positions DROP CONSTRAINT definition_positions_pkey, ADD PRIMARY KEY (workspace_id, partition);
ALTER TABLE serving.definition_positions ALTER COLUMN partition DROP DEFAULT;

-- Partitions of everyone that are still to be looked at under a rule that was made or changed.
CREATE TABLE serving.definition_builds (
  workspace_id uuid     NOT NULL,
  segment_id   uuid     NOT NULL,
  partition    smallint NOT NULL,
  PRIMARY KEY (workspace_id, segment_id, partition),
  FOREIGN KEY (workspace_id, segment_id) REFERENCES serving.segment_definitions (workspace_id, segment_id) ON DELETE CASCADE
);

-- The owner sees all workspaces for a moment.
ALTER TABLE serving.definition_positions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE serving.segment_definitions NO FORCE ROW LEVEL SECURITY;
INSERT INTO serving.definition_positions
  (workspace_id, event_horizon, event_sequence, mapping_horizon, mapping_sequence, change_xid, change_sequence, newest_event_at, partition)
SELECT workspace_id, event_horizon, event_sequence, mapping_horizon, mapping_sequence, change_xid, change_sequence, newest_event_at, p
FROM serving.definition_positions CROSS JOIN generate_series(1, 7) AS p;
INSERT INTO serving.definition_builds (workspace_id, segment_id, partition)
SELECT workspace_id, segment_id, p FROM serving.segment_definitions CROSS JOIN generate_series(built, 7) AS p WHERE condition IS NOT NULL;
ALTER TABLE serving.definition_positions FORCE ROW LEVEL SECURITY;
ALTER TABLE serving.segment_definitions FORCE ROW LEVEL SECURITY;

ALTER TABLE serving.segment_definitions DROP COLUMN built;
SELECT kindred.protect('serving.definition_builds', 'serving');
