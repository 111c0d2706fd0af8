-- Who is unusual: beyond a threshold of novelty that is measured with each model, or that the workspace sets.

-- OrdinaryNovelty of worker/v1/novelty.proto as JSON; null: of a model from before that was measured.
ALTER TABLE training.models ADD COLUMN ordinary_novelty jsonb;
ALTER TABLE serving.shadow_models ADD COLUMN ordinary_novelty jsonb;

-- What a workspace says instead of the model; no row: nothing.
CREATE TABLE serving.novelty_settings (
  workspace_id uuid             PRIMARY KEY,
  -- Share of ordinary ones below the threshold,
  quantile     double precision CHECK (quantile >= .5 AND quantile <= .9999),
  -- or the threshold itself.
  threshold    double precision CHECK (threshold > 0 AND threshold <= 1),
  changed_at   timestamptz      NOT NULL DEFAULT now(),
  CHECK (num_nonnulls(quantile, threshold) = 1)
);

-- Those who are unusual now, kept by the same transactions that keep states.
CREATE TABLE serving.unusual_customers (
  workspace_id uuid             NOT NULL,
  customer_id  uuid             NOT NULL,
  since        timestamptz      NOT NULL,
  -- Of the last reading.
  novelty      double precision NOT NULL,
  -- False where another model or threshold made them so: nobody is told of it, nor of its end.
  is_told      boolean          NOT NULL,
  model_id     uuid             NOT NULL,
  PRIMARY KEY (workspace_id, customer_id)
) WITH (fillfactor = 85);
CREATE INDEX unusual_customers_since ON serving.unusual_customers (workspace_id, since DESC, customer_id DESC);

-- What is told of it. With membership_changes it makes up one feed: places (xid, sequence) of both are in the order of commits.
CREATE TABLE serving.unusual_changes (
  workspace_id uuid             NOT NULL,
  xid          bigint           NOT NULL,
  sequence     bigint           NOT NULL DEFAULT nextval('serving.membership_changes_sequence_seq'),
  customer_id  uuid             NOT NULL,
  is_unusual   boolean          NOT NULL,
  novelty      double precision NOT NULL,
  -- That held then; null where there was none any more.
  threshold    double precision,
  at           timestamptz      NOT NULL DEFAULT now(),
  decided_at   timestamptz      NOT NULL,
  model_id     uuid             NOT NULL,
  cause        text             NOT NULL CHECK (cause IN ('READING', 'PROMOTION', 'THRESHOLD')),
  PRIMARY KEY (workspace_id, xid, sequence)
);
CREATE INDEX unusual_changes_customer ON serving.unusual_changes (workspace_id, customer_id, xid, sequence);
GRANT USAGE ON SEQUENCE serving.membership_changes_sequence_seq TO kindred_serving;

SELECT kindred.protect(format('serving.%I', name)::regclass, 'serving')
FROM unnest(ARRAY['novelty_settings', 'unusual_customers', 'unusual_changes']) AS name;

-- Webhooks tell of it where they are asked to.
ALTER TABLE serving.webhooks ADD COLUMN events text[] NOT NULL DEFAULT ARRAY['Segment Entered', 'Segment Exited']
  CHECK (events <> '{}' AND events <@ ARRAY['Segment Entered', 'Segment Exited', 'Customer Unusual', 'Customer Usual Again']);
ALTER TABLE serving.webhook_deliveries
  -- Null where the event is of no segment.
  ALTER COLUMN segment_id DROP NOT NULL,
  DROP CONSTRAINT webhook_deliveries_event_check,
  ADD CONSTRAINT webhook_deliveries_event_check
    CHECK (event IN ('Segment Entered', 'Segment Exited', 'Customer Unusual', 'Customer Usual Again')),
  ADD CONSTRAINT webhook_deliveries_segment CHECK ((segment_id IS NULL) = (event IN ('Customer Unusual', 'Customer Usual Again')));
