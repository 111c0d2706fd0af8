-- Labels may be numbers, and of several times: what was spent by the end of each quarter, what remained at each service.
ALTER TYPE training.label_kind ADD VALUE 'NUMERIC';

-- The owner sees all workspaces for a moment.
ALTER TABLE training.labels NO FORCE ROW LEVEL SECURITY;
ALTER TABLE training.label_sets NO FORCE ROW LEVEL SECURITY;
ALTER TABLE training.labels
  -- Of yes or no: 1 or 0.
  ALTER COLUMN value TYPE double precision USING value::integer,
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
  DROP CONSTRAINT labels_pkey,
  ADD PRIMARY KEY (workspace_id, id);
-- A label has the time of its set where it was given none.
UPDATE training.labels l SET as_of = s.as_of FROM training.label_sets s
  WHERE s.workspace_id = l.workspace_id AND s.id = l.label_set_id AND l.as_of IS NULL AND s.as_of IS NOT NULL;
CREATE UNIQUE INDEX labels_of_set ON training.labels (workspace_id, label_set_id, user_id, as_of) NULLS NOT DISTINCT;
ALTER TABLE training.labels FORCE ROW LEVEL SECURITY;
ALTER TABLE training.label_sets FORCE ROW LEVEL SECURITY;

-- What a head says: a probability, or a number with the ends of its interval.
ALTER TABLE serving.predictions RENAME COLUMN probability TO value;
ALTER TABLE serving.predictions
  ADD COLUMN low real,
  ADD COLUMN high real,
  ADD CONSTRAINT predictions_interval CHECK ((low IS NULL) = (high IS NULL));
