-- The ledger says received = stored + duplicate + rejected by its own check; that these are what the data says is
-- recounted, hour by hour of arrival.
CREATE TABLE ingestion.ledger_checks (
  workspace_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  reconciled_at timestamptz NOT NULL,
  -- What was counted, less what the ledger says.
  stored_difference bigint NOT NULL,
  duplicate_difference bigint NOT NULL,
  rejected_difference bigint NOT NULL,
  PRIMARY KEY (workspace_id, hour)
);
CREATE INDEX ledger_checks_age_idx ON ingestion.ledger_checks (workspace_id, reconciled_at);
SELECT kindred.protect('ingestion.ledger_checks', 'ingestion');

-- Rows that were counted on their arrival and deleted since, with the person they were of. Of the stored ones the
-- message ids stay, so that they need no such count. What deletes counted rows for another reason adds to this too.
CREATE TABLE ingestion.ledger_erasures (
  workspace_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  duplicate bigint NOT NULL,
  rejected bigint NOT NULL,
  PRIMARY KEY (workspace_id, hour)
);
SELECT kindred.protect('ingestion.ledger_erasures', 'ingestion');

-- They arrive in the order of time, so that the smallest of indexes leads to a range of it.
CREATE INDEX message_ids_received_idx ON ingestion.message_ids USING brin (received_at);
CREATE INDEX rejected_events_received_idx ON ingestion.rejected_events USING brin (received_at);
