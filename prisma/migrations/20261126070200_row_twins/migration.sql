-- A row of a file that is replayed as it came bears the message id that its import would have given it: what the row says and
-- its number among the rows of the file that say the very same. Those are found by this.
CREATE INDEX rejected_events_twin_idx ON ingestion.rejected_events (workspace_id, import_id, md5(payload), line) WHERE unit = 'ROW';
