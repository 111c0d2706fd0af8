-- Whom a refused row of a file is of, by the mapping of its import, which may make an id of several columns: for an erasure or an
-- export no text of the row need hold it. Null for events, and for rows that were refused before this column was there.
ALTER TABLE ingestion.rejected_events ADD COLUMN row_user_id TEXT;
