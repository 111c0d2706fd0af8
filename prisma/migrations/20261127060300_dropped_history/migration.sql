-- What a retention policy dropped counts under no rule any more: those that reach into it look at everyone again.

-- Published. Archives of the present workspace whose events are gone, and up to when these happened.
CREATE VIEW ingestion.dropped_history_v1 AS
SELECT a.workspace_id, count(*) AS archives, max(a.period_end) AS dropped_until
FROM ingestion.event_archives a
WHERE a.workspace_id = (SELECT kindred.workspace()) AND a.state IN ('DROPPING', 'DROPPED')
GROUP BY a.workspace_id;

GRANT CREATE ON SCHEMA ingestion TO kindred_ingestion;
ALTER VIEW ingestion.dropped_history_v1 OWNER TO kindred_ingestion;
REVOKE CREATE ON SCHEMA ingestion FROM kindred_ingestion;
GRANT SELECT ON ingestion.dropped_history_v1 TO kindred_serving;

-- Archives that had been dropped when everyone was last to be looked at.
ALTER TABLE serving.segment_definitions ADD COLUMN dropped_archives integer NOT NULL DEFAULT 0;
