-- Why Postgres refused a rule when it was last tried, and when it is tried again; until then it is left out, so that the others go on.
ALTER TABLE serving.segment_definitions ADD COLUMN failure text, ADD COLUMN retry_at timestamptz;
