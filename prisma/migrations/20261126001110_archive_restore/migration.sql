-- Archives go back into the table, by a request like those that archive and replay.
ALTER TABLE ingestion.archive_requests
  DROP CONSTRAINT archive_requests_kind_check,
  DROP CONSTRAINT archive_requests_check,
  ADD CONSTRAINT archive_requests_kind_check CHECK (kind IN ('ARCHIVE', 'REPLAY', 'RESTORE')),
  ADD CONSTRAINT archive_requests_check CHECK ((kind = 'REPLAY') = (into_workspace_id IS NOT NULL) AND (kind = 'ARCHIVE') = (archive_id IS NULL)),
  -- RESTORE: for how long no policy archives that month.
  ADD COLUMN keep_days integer CHECK (keep_days > 0);
-- One restore of an archive at a time: who asks again is told of it.
CREATE UNIQUE INDEX archive_requests_restore_key ON ingestion.archive_requests (workspace_id, archive_id) WHERE kind = 'RESTORE' AND state IN ('QUEUED', 'RUNNING');

-- RESTORED: its events are in Postgres again, and its file is gone.
ALTER TABLE ingestion.event_archives
  DROP CONSTRAINT event_archives_state_check,
  ADD CONSTRAINT event_archives_state_check CHECK (state IN ('WRITING', 'ARCHIVED', 'RESTORED', 'DROPPING', 'DROPPED')),
  ADD COLUMN restored_at timestamptz,
  ADD COLUMN kept_until timestamptz;
