-- Whether the champion was meant, not one model: then the head is learned again when there is another champion.
ALTER TABLE training.heads ADD COLUMN follows_champion boolean NOT NULL DEFAULT true;

-- The live form that says a customer's probability from their present state; null where the head has none.
ALTER TABLE serving.served_heads
  ADD COLUMN live_uri text,
  ADD COLUMN live_sha256 text,
  ADD CONSTRAINT served_heads_live CHECK ((live_uri IS NULL) = (live_sha256 IS NULL));
