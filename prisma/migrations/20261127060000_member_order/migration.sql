-- Members in the order of their ids, which a walk over all pages needs. Who a customer's memberships are is asked of the other index, which
-- now holds those without a level too; both are unique as they were, and no write costs more.
DROP INDEX serving.memberships_level;
CREATE UNIQUE INDEX memberships_level ON serving.memberships (workspace_id, customer_id, level) WHERE until IS NULL;
DROP INDEX serving.memberships_current;
CREATE UNIQUE INDEX memberships_current ON serving.memberships (workspace_id, segment_id, customer_id) WHERE until IS NULL;
