-- Levels: a model's segments form a tree. Which level a segment is on, and what it is part of, is said by the model
-- that draws it. Memberships are of the main level; the coarser segment follows from it, and the finer one, where the
-- segment is split, lies in the same row: so nobody can be in a part and not in the whole.

ALTER TABLE serving.segment_versions
  ADD COLUMN level        text NOT NULL DEFAULT 'MAIN' CHECK (level IN ('COARSER', 'MAIN', 'FINER')),
  -- Place, in the same model's bundle, of the segment of the next coarser level; null: part of none.
  ADD COLUMN parent_index integer,
  -- SegmentRule of rule.proto; null where there is none.
  ADD COLUMN rule         jsonb;
-- Said by the versions.
ALTER TABLE serving.segments DROP COLUMN parent_id;

-- Place of the finer segment within segment_index; null: that one is not split.
ALTER TABLE serving.customer_states ADD COLUMN finer_index integer;

-- On level 0 only. `since` is of segment_id: a move between parts of one segment ends no membership.
ALTER TABLE serving.memberships
  ADD COLUMN finer_segment_id uuid,
  ADD CHECK (finer_segment_id IS NULL OR (segment_id IS NOT NULL AND level = 0));
CREATE INDEX memberships_finer ON serving.memberships (workspace_id, finer_segment_id, strength DESC, customer_id)
  WHERE until IS NULL AND finer_segment_id IS NOT NULL;

-- segment_sizes counts finer segments too; the population is still the sum over level 0 and the nil id.
