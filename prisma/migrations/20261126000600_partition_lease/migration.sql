-- Live work is divided into partitions of customers that replicas of serving lease. All times here are of Postgres'
-- clock, so that no replica's own clock decides anything.

-- Replicas that live. Each renews its row; one whose time is up has lost whatever it leases.
CREATE TABLE serving.replicas (
  id          uuid        NOT NULL PRIMARY KEY,
  lives_until timestamptz NOT NULL
);

-- Who reads the customers of a partition. Ids only, over all workspaces and outside of row security: one statement a
-- second renews a replica, however many workspaces there are.
CREATE TABLE serving.partition_leases (
  workspace_id uuid     NOT NULL,
  partition    smallint NOT NULL,
  -- Null: given back.
  replica_id   uuid,
  -- Grows with every change of hands; a commit names the one it was read under.
  epoch        bigint   NOT NULL DEFAULT 1,
  PRIMARY KEY (workspace_id, partition)
) WITH (fillfactor = 50);
CREATE INDEX partition_leases_of ON serving.partition_leases (replica_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON serving.replicas, serving.partition_leases TO kindred_serving;

-- How far in the feed a model's states of a partition's customers stand. Without a row: where the model began.
CREATE TABLE serving.partition_positions (
  workspace_id      uuid     NOT NULL,
  model_id          uuid     NOT NULL,
  partition         smallint NOT NULL,
  position_horizon  bigint   NOT NULL,
  position_sequence bigint   NOT NULL,
  -- How far they have followed subjects that went from one customer to another.
  mapping_horizon   bigint   NOT NULL,
  mapping_sequence  bigint   NOT NULL,
  PRIMARY KEY (workspace_id, model_id, partition),
  FOREIGN KEY (workspace_id, model_id) REFERENCES serving.shadow_models (workspace_id, model_id) ON DELETE CASCADE
) WITH (fillfactor = 50);
SELECT kindred.protect('serving.partition_positions', 'serving');

-- Which of the eight partitions a customer is in, by the last bits of their id.
CREATE FUNCTION serving.partition_of(customer_id uuid) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN get_byte(uuid_send(customer_id), 15) & 7;
GRANT EXECUTE ON FUNCTION serving.partition_of(uuid) TO kindred_serving;
