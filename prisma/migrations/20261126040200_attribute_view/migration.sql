-- What identify says of customers, for rules that name it.

-- Published. What is known of each customer now: of an attribute that several of their subjects have, the one told last.
CREATE VIEW ingestion.customer_attributes_v1 AS
SELECT DISTINCT ON (m.workspace_id, m.customer_id, t.name) m.workspace_id, m.customer_id, t.name, t.value
FROM ingestion.subject_customers m
JOIN ingestion.subject_attributes t ON t.workspace_id = m.workspace_id AND t.subject_id = m.subject_id
WHERE m.workspace_id = (SELECT kindred.workspace()) AND m.ended_horizon IS NULL
ORDER BY m.workspace_id, m.customer_id, t.name, t.occurred_at DESC;

-- Published. As event_feed_v1, in the same order, with the events that tell attributes; without what events hold.
CREATE VIEW ingestion.customer_feed_v1 AS
SELECT e.workspace_id, e.horizon, e.sequence, m.customer_id, e.type, e.occurred_at
FROM ingestion.events e
JOIN ingestion.subject_customers m
  ON m.workspace_id = e.workspace_id AND m.subject_id = e.subject_id AND m.ended_horizon IS NULL
WHERE e.workspace_id = (SELECT kindred.workspace())
  AND e.horizon < (SELECT ingestion.safe_horizon())
  AND e.type IN ('track', 'page', 'screen', 'identify');

GRANT CREATE ON SCHEMA ingestion TO kindred_ingestion;
ALTER VIEW ingestion.customer_attributes_v1 OWNER TO kindred_ingestion;
ALTER VIEW ingestion.customer_feed_v1 OWNER TO kindred_ingestion;
REVOKE CREATE ON SCHEMA ingestion FROM kindred_ingestion;
GRANT SELECT ON ingestion.customer_attributes_v1, ingestion.customer_feed_v1 TO kindred_serving;
