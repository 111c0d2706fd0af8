-- Secrets of webhooks are sealed (AES-256-GCM) with a key that the database does not hold. Null: as it was written
-- before, in plain; serving seals those when it starts, and all again under a new key.
ALTER TABLE serving.webhooks ADD COLUMN secret_key_id text;
COMMENT ON COLUMN serving.webhooks.secret IS 'base64 of nonce (12 bytes), tag (16) and ciphertext, under the key secret_key_id; plain where that is null';
