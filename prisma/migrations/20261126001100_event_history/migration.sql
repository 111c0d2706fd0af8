-- Archived events are read as one with those of the table, by whoever may read the feed (libs/history).

-- What readers need to know of behaviour alone; counts and times beside it are of every kind of event.
ALTER TABLE ingestion.archived_subjects
  ADD COLUMN behaviour_events bigint NOT NULL DEFAULT 0,
  ADD COLUMN last_behaviour_at timestamptz;
-- Of archives made before, no more is known: they are opened where they need not have been.
UPDATE ingestion.archived_subjects SET behaviour_events = events, last_behaviour_at = last_occurred_at;

ALTER TABLE ingestion.event_archives
  -- Of behaviour events; null: not known.
  ADD COLUMN names text[];

-- Published. The files that events lie in.
CREATE VIEW ingestion.event_archives_v1 AS
SELECT a.workspace_id, a.id AS archive_id, a.artifact, a.sha256, a.period_start, a.period_end, a.behaviour_events, a.names
FROM ingestion.event_archives a
WHERE a.workspace_id = (SELECT kindred.workspace()) AND a.state = 'ARCHIVED';

-- Published. What each file holds of which subject, with the customer that it belongs to now.
CREATE VIEW ingestion.archived_subjects_v1 AS
SELECT s.workspace_id, s.archive_id, m.customer_id, s.subject_id, s.events, s.behaviour_events, s.first_occurred_at, s.last_occurred_at, s.last_behaviour_at
FROM ingestion.archived_subjects s
JOIN ingestion.subject_customers m
  ON m.workspace_id = s.workspace_id AND m.subject_id = s.subject_id AND m.ended_horizon IS NULL
WHERE s.workspace_id = (SELECT kindred.workspace());

-- Published. Whom subjects belong to now.
CREATE VIEW ingestion.subject_customers_v1 AS
SELECT m.workspace_id, m.subject_id, m.customer_id
FROM ingestion.subject_customers m
WHERE m.workspace_id = (SELECT kindred.workspace()) AND m.ended_horizon IS NULL;

GRANT CREATE ON SCHEMA ingestion TO kindred_ingestion;
ALTER VIEW ingestion.event_archives_v1 OWNER TO kindred_ingestion;
ALTER VIEW ingestion.archived_subjects_v1 OWNER TO kindred_ingestion;
ALTER VIEW ingestion.subject_customers_v1 OWNER TO kindred_ingestion;
REVOKE CREATE ON SCHEMA ingestion FROM kindred_ingestion;
GRANT SELECT ON ingestion.event_archives_v1, ingestion.archived_subjects_v1, ingestion.subject_customers_v1 TO kindred_serving;
