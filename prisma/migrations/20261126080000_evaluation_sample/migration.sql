-- Whom a model was evaluated on, where the population is large.

-- PopulationSample of worker/v1/worker.proto as JSON; null: everyone.
ALTER TABLE training.models ADD COLUMN evaluation_sample jsonb;
