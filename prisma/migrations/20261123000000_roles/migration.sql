-- One schema and one non-owner role per service. Services never connect as the owner: forced row-level
-- security then holds for every statement they run. The login that assumes these roles (`SET ROLE`, or a
-- login per service) is the operator's to create; docs/runbook.md says how.
DO $$
DECLARE
  service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['access', 'ingestion', 'training', 'serving'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kindred_' || service) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', 'kindred_' || service);
    END IF;
    EXECUTE format('CREATE SCHEMA %I', service);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', service, 'kindred_' || service);
  END LOOP;
END
$$;

CREATE SCHEMA kindred;
GRANT USAGE ON SCHEMA kindred TO kindred_access, kindred_ingestion, kindred_training, kindred_serving;

-- The workspace that the present transaction acts in; null outside of one, which matches no row.
CREATE FUNCTION kindred.workspace() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.workspace', true), '')::uuid $$;

-- Grants a service its own table and lets it see one workspace at a time. The table must have workspace_id.
CREATE FUNCTION kindred.protect(target regclass, service text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', target, 'kindred_' || service);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format(
    'CREATE POLICY workspace_isolation ON %s USING (workspace_id = (SELECT kindred.workspace())) WITH CHECK (workspace_id = (SELECT kindred.workspace()))',
    target
  );
END
$$;
