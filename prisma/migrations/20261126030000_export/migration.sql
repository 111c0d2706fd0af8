-- Members of segments as files. A row is worked off by a job; the file lies in the artefact store.

CREATE TABLE serving.export_schedules (
  workspace_id uuid        NOT NULL,
  id           uuid        NOT NULL,
  segment_id   uuid        NOT NULL,
  format       text        NOT NULL CHECK (format IN ('CSV', 'PARQUET')),
  cron         text        NOT NULL,
  time_zone    text        NOT NULL,
  is_paused    boolean     NOT NULL DEFAULT false,
  requested_by text        NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, segment_id) REFERENCES serving.segments (workspace_id, id)
);

CREATE TABLE serving.exports (
  workspace_id     uuid        NOT NULL,
  id               uuid        NOT NULL,
  segment_id       uuid        NOT NULL,
  format           text        NOT NULL CHECK (format IN ('CSV', 'PARQUET')),
  state            text        NOT NULL DEFAULT 'QUEUED' CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  requested_by     text        NOT NULL,
  -- The schedule that asked for it, which may be gone since, and the time that it was due.
  schedule_id      uuid,
  scheduled_for    timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  started_at       timestamptz,
  finished_at      timestamptz,
  -- Of the attempt that may write. A file is named by it, so that no two attempts write the same one.
  fence            integer     NOT NULL DEFAULT 0,
  cancel_requested boolean     NOT NULL DEFAULT false,
  members_done     bigint      NOT NULL DEFAULT 0,
  members_total    bigint      NOT NULL DEFAULT 0,
  -- Path of the file; null where there is none, or not any more.
  artifact         text,
  -- As it lies beside the file.
  manifest         jsonb,
  error            text        NOT NULL DEFAULT '',
  PRIMARY KEY (workspace_id, id),
  -- A schedule's tick that two replicas see is one export.
  UNIQUE (workspace_id, schedule_id, scheduled_for),
  FOREIGN KEY (workspace_id, segment_id) REFERENCES serving.segments (workspace_id, id)
);
CREATE INDEX exports_of_segment ON serving.exports (workspace_id, segment_id, id);
CREATE INDEX exports_kept ON serving.exports (workspace_id, finished_at) WHERE artifact IS NOT NULL;

SELECT kindred.protect(format('serving.%I', name)::regclass, 'serving') FROM unnest(ARRAY['export_schedules', 'exports']) AS name;

-- Lists over all workspaces, ids and nothing else, so outside of row security: exports that have not ended, and
-- schedules that are not paused. Kept in the same transactions that change those.
CREATE TABLE serving.open_exports (
  workspace_id uuid NOT NULL,
  id           uuid NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE TABLE serving.open_export_schedules (
  workspace_id uuid NOT NULL,
  id           uuid NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, DELETE ON serving.open_exports, serving.open_export_schedules TO kindred_serving;
