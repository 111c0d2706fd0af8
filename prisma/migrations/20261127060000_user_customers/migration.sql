-- Published. Whose user ids are now: a look-up by user id reads whose it is and where they belong in one statement.
CREATE VIEW ingestion.user_customers_v1 AS
SELECT s.workspace_id, s.external_id AS user_id, m.customer_id
FROM ingestion.subjects s
JOIN ingestion.subject_customers m
  ON m.workspace_id = s.workspace_id AND m.subject_id = s.id AND m.ended_horizon IS NULL
WHERE s.workspace_id = (SELECT kindred.workspace()) AND s.kind = 'USER';

-- It reads as ingestion, so that row-level security holds inside of it too.
GRANT CREATE ON SCHEMA ingestion TO kindred_ingestion;
ALTER VIEW ingestion.user_customers_v1 OWNER TO kindred_ingestion;
REVOKE CREATE ON SCHEMA ingestion FROM kindred_ingestion;
GRANT SELECT ON ingestion.user_customers_v1 TO kindred_serving;
