-- An index that begins with the workspace answers a look-up by subject too, by reading the whole workspace; and a
-- planner without statistics takes a partial index for tiny and may choose it. Ids are unique by themselves.
DROP INDEX ingestion.subject_customers_customer_idx;
CREATE INDEX subject_customers_customer_idx ON ingestion.subject_customers (customer_id) WHERE ended_horizon IS NULL;
