-- Webhooks: who is told of membership changes, how far in the feed of changes each one is, and what was or is
-- still to be sent. The feed is the truth: a delivery is a row made from a change in the transaction that moves
-- the webhook's cursor past it, so nothing is missed and nothing is made twice, whatever dies in between.

CREATE TABLE serving.webhooks (
  workspace_id    uuid        NOT NULL,
  id              uuid        NOT NULL,
  url             text        NOT NULL,
  -- Null: every segment, those to come included.
  segment_ids     uuid[]      CHECK (segment_ids <> '{}'),
  -- Signs what is sent; told once, when the webhook is made.
  secret          text        NOT NULL,
  is_enabled      boolean     NOT NULL DEFAULT true,
  -- Everything up to here in membership_changes has its deliveries.
  cursor_xid      bigint      NOT NULL,
  cursor_sequence bigint      NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id)
);

-- One event for one receiver, and the log of what became of it.
CREATE TABLE serving.webhook_deliveries (
  workspace_id    uuid        NOT NULL,
  id              uuid        NOT NULL,
  webhook_id      uuid        NOT NULL,
  -- The change it tells of; a move is two events: 0 the segment that was left, 1 the one that was entered.
  change_xid      bigint      NOT NULL,
  change_sequence bigint      NOT NULL,
  part            smallint    NOT NULL CHECK (part IN (0, 1)),
  customer_id     uuid        NOT NULL,
  segment_id      uuid        NOT NULL,
  event           text        NOT NULL CHECK (event IN ('Segment Entered', 'Segment Exited')),
  -- json, not jsonb: every attempt sends the same bytes.
  body            json        NOT NULL,
  state           text        NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'DELIVERED', 'DEAD')),
  -- Over all; the result of an attempt counts only while no later one has begun.
  attempts        integer     NOT NULL DEFAULT 0,
  attempts_left   integer     NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  -- Not before. An attempt moves it beyond its own end, so what a dead process left is tried again.
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_attempt_at timestamptz,
  settled_at      timestamptz,
  -- Of the last attempt: the receiver's HTTP status if it answered, and what was wrong.
  response_status integer,
  error           text,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, webhook_id, change_xid, change_sequence, part),
  FOREIGN KEY (workspace_id, webhook_id) REFERENCES serving.webhooks (workspace_id, id) ON DELETE CASCADE
);
-- The first of each customer is the next to be sent.
CREATE INDEX webhook_deliveries_waiting ON serving.webhook_deliveries (workspace_id, webhook_id, customer_id, change_xid, change_sequence, part)
  WHERE state = 'WAITING';
CREATE INDEX webhook_deliveries_log ON serving.webhook_deliveries (workspace_id, webhook_id, id);
CREATE INDEX webhook_deliveries_dead ON serving.webhook_deliveries (workspace_id, webhook_id, id) WHERE state = 'DEAD';
-- What was settled long ago is taken out of the log.
CREATE INDEX webhook_deliveries_settled ON serving.webhook_deliveries (workspace_id, webhook_id, settled_at) WHERE settled_at IS NOT NULL;

SELECT kindred.protect(format('serving.%I', name)::regclass, 'serving') FROM unnest(ARRAY['webhooks', 'webhook_deliveries']) AS name;

-- The dispatcher's list over all workspaces: ids of enabled webhooks and nothing else, so it lies outside row
-- security. Kept in the same transactions that make, change and delete webhooks.
CREATE TABLE serving.open_webhooks (
  workspace_id uuid NOT NULL,
  id           uuid NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, DELETE ON serving.open_webhooks TO kindred_serving;
