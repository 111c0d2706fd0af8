-- Message ids of erased events, as keyed digests: a retry is known as one, and no text of the person is kept for it, which
-- message ids are often made of. Their rows moved here from message_ids, so that the ledger counts both.
CREATE TABLE ingestion.erased_message_ids (
  workspace_id uuid NOT NULL,
  digest bytea NOT NULL,
  event_id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  -- An id may be here twice: under a secret that was changed and changed back it was taken in again meanwhile.
  PRIMARY KEY (workspace_id, digest, event_id)
);
-- They come in the order of erasures, not of time.
CREATE INDEX erased_message_ids_received_idx ON ingestion.erased_message_ids (workspace_id, received_at);
SELECT kindred.protect('ingestion.erased_message_ids', 'ingestion');

-- Opens the gate for a commit, and says what it has to look for. First the lock and then, as each statement of a volatile
-- function sees what was committed before itself, the look: one statement would see what was there before it waited for the
-- lock, and would miss the erasure that it had waited for.
CREATE FUNCTION ingestion.open_identity_gate(workspace text, OUT blocked jsonb, OUT suppresses boolean, OUT erased boolean)
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('identity:' || workspace, 0));
  SELECT
    (SELECT coalesce(jsonb_object_agg(b.value, b.is_blocked), '{}') FROM ingestion.blocked_ids b WHERE b.workspace_id = workspace::uuid),
    EXISTS (SELECT FROM ingestion.suppressed_ids s WHERE s.workspace_id = workspace::uuid),
    EXISTS (SELECT FROM ingestion.erased_message_ids e WHERE e.workspace_id = workspace::uuid)
  INTO blocked, suppresses, erased;
END
$$;
