-- A key that was given a new secret keeps the one before until the overlap ends: the key is the same, under the same id,
-- in the audit trail and in its rates.
ALTER TABLE access.api_keys
  ADD COLUMN previous_digest bytea,
  ADD COLUMN previous_until timestamptz(6),
  ADD CONSTRAINT api_keys_previous_check CHECK ((previous_digest IS NULL) = (previous_until IS NULL));
CREATE UNIQUE INDEX api_keys_previous_digest_key ON access.api_keys (previous_digest);
GRANT UPDATE (digest, prefix, previous_digest, previous_until) ON access.api_keys TO kindred_access;
