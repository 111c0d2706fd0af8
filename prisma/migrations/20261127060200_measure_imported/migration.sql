-- A large import fills tables at once; until they are measured anew, plans are made for empty ones, and whoever looks up some customers
-- reads all of the workspace for each. As serving.measure_table: only an owner may measure (the privilege for it came with Postgres 17),
-- and each table has a transaction of its own.
CREATE FUNCTION ingestion.measure_table(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  IF name = 'events' THEN
    -- The months are measured one by one. Of the whole alone Postgres can tell since 18; before, all months would be measured in one transaction.
    IF current_setting('server_version_num')::integer >= 180000 THEN
      EXECUTE 'ANALYZE (SKIP_LOCKED) ONLY ingestion.events';
    END IF;
    RETURN;
  END IF;
  IF name <> ALL (ARRAY['subjects', 'customers', 'subject_customers', 'subject_attributes']) AND NOT EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'ingestion.events'::regclass AND relname = name) THEN
    RAISE EXCEPTION 'ingestion.% is not among the tables that are measured', name;
  END IF;
  EXECUTE format('ANALYZE (SKIP_LOCKED) ingestion.%I', name);
END
$$;
REVOKE ALL ON FUNCTION ingestion.measure_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingestion.measure_table(text) TO kindred_ingestion;
