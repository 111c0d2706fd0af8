-- How far the reading of a file is before its rows are counted: of the attempt that runs, 0..1, and about how many rows
-- there will be. Afterwards the counts themselves tell, from the moment that the reading ended.
ALTER TABLE ingestion.imports
  ADD COLUMN rows_expected bigint NOT NULL DEFAULT 0,
  ADD COLUMN staged_share double precision NOT NULL DEFAULT 0,
  ADD COLUMN staged_at timestamptz;
