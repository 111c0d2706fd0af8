-- A partition is looked at under a rule in pieces: when it was asked for tells whether those pieces still count.
ALTER TABLE serving.definition_builds ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now();
