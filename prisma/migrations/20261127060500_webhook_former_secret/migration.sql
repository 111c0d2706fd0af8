-- The secret from before the last rotation signs beside the present one until its time is over, so that a receiver can change at its leisure.
ALTER TABLE serving.webhooks
  ADD COLUMN previous_secret text,
  ADD COLUMN previous_secret_key_id text,
  ADD COLUMN previous_secret_until timestamptz;
COMMENT ON COLUMN serving.webhooks.previous_secret IS 'as secret, under the key previous_secret_key_id';
