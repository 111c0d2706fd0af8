-- A forecast is two numbers for each of what a model foresees: their names lie once in a shape, the numbers as packed
-- little-endian float32 (probability, expected value) with each state. As JSON they were the largest part of it.
CREATE TABLE serving.forecast_shapes (
  workspace_id uuid  NOT NULL,
  id           uuid  NOT NULL,
  -- [[event, horizon in days], …]
  targets      jsonb NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE FUNCTION serving.float_bytes(number text) RETURNS bytea
LANGUAGE sql IMMUTABLE
RETURN substring(float4send(number::real) FROM 4 FOR 1) || substring(float4send(number::real) FROM 3 FOR 1)
  || substring(float4send(number::real) FROM 2 FOR 1) || substring(float4send(number::real) FROM 1 FOR 1);

-- The owner sees all workspaces for a moment.
ALTER TABLE serving.customer_states NO FORCE ROW LEVEL SECURITY;
ALTER TABLE serving.customer_states
  ADD COLUMN forecast_shape uuid,
  ADD COLUMN forecast_values bytea NOT NULL DEFAULT '';
WITH named AS (
  SELECT s.workspace_id, s.model_id, s.customer_id, t.targets, t.numbers
  FROM serving.customer_states s CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(f -> 'event', f -> 'horizonDays') ORDER BY n) AS targets,
      string_agg(serving.float_bytes(f ->> 'probability') || serving.float_bytes(f ->> 'expectedValue'), ''::bytea ORDER BY n) AS numbers
    FROM jsonb_array_elements(s.forecast) WITH ORDINALITY AS e (f, n)
  ) t
  WHERE jsonb_array_length(s.forecast) > 0
), shaped AS (
  INSERT INTO serving.forecast_shapes (workspace_id, id, targets)
  SELECT DISTINCT workspace_id, md5(targets::text)::uuid, targets FROM named
)
UPDATE serving.customer_states s SET forecast_shape = md5(n.targets::text)::uuid, forecast_values = n.numbers
FROM named n WHERE n.workspace_id = s.workspace_id AND n.model_id = s.model_id AND n.customer_id = s.customer_id;
ALTER TABLE serving.customer_states DROP COLUMN forecast;
ALTER TABLE serving.customer_states ALTER COLUMN forecast_values DROP DEFAULT;
-- Packed floats do not compress.
ALTER TABLE serving.customer_states ALTER COLUMN forecast_values SET STORAGE EXTERNAL;
ALTER TABLE serving.customer_states FORCE ROW LEVEL SECURITY;

DROP FUNCTION serving.float_bytes(text);

SELECT kindred.protect('serving.forecast_shapes', 'serving');
