-- Measuring writes, and whatever has written hides the events that come behind it from whoever follows them until it has committed. Six
-- tables in one transaction take as long as all of them together; each in one of its own, only for what is written at its end.
-- serving.measure_tables() stays for a serving of before, beside which this is migrated.
CREATE FUNCTION serving.measure_table(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  IF name <> ALL (ARRAY['customer_states', 'memberships', 'membership_changes', 'segments', 'segment_versions', 'segment_sizes']) THEN
    RAISE EXCEPTION 'serving.% is not among the tables that are measured', name;
  END IF;
  EXECUTE format('ANALYZE serving.%I', name);
END
$$;
REVOKE ALL ON FUNCTION serving.measure_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION serving.measure_table(text) TO kindred_serving;
