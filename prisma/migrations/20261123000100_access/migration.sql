-- Workspaces, keys, audit. Access is the one service that looks across workspaces: it finds a key's
-- workspace before anyone has said which, and lists them for services that sweep over all. Its policy lets a
-- transaction that names a workspace see that one alone, and one that names none (WatchKeys, ListWorkspaces,
-- BootstrapWorkspace) see all. Grants are per verb: nothing is ever deleted, the audit trail and former
-- settings are never changed.

CREATE TYPE access.workspace_clock AS ENUM ('LIVE', 'DATA');
CREATE TYPE access.key_role AS ENUM ('INTAKE', 'VIEWER', 'EDITOR', 'ADMIN');

CREATE TABLE access.workspaces (
  id uuid PRIMARY KEY,
  slug text NOT NULL,
  name text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT now(),
  settings_version integer NOT NULL
);
CREATE UNIQUE INDEX workspaces_slug_key ON access.workspaces (slug);

CREATE TABLE access.workspace_settings (
  workspace_id uuid NOT NULL REFERENCES access.workspaces (id),
  version integer NOT NULL,
  clock access.workspace_clock NOT NULL,
  timezone text NOT NULL,
  currency text NOT NULL,
  main_events text[] NOT NULL,
  value_property text NOT NULL,
  guessed text[] NOT NULL,
  changed_at timestamptz(6) NOT NULL DEFAULT now(),
  changed_by text NOT NULL,
  PRIMARY KEY (workspace_id, version)
);

CREATE TABLE access.api_keys (
  workspace_id uuid NOT NULL REFERENCES access.workspaces (id),
  id uuid NOT NULL,
  name text NOT NULL,
  role access.key_role NOT NULL,
  digest bytea NOT NULL,
  prefix text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT now(),
  changed_at timestamptz(6) NOT NULL DEFAULT now(),
  expires_at timestamptz(6),
  revoked_at timestamptz(6),
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX api_keys_digest_key ON access.api_keys (digest);
CREATE INDEX api_keys_changed_at_idx ON access.api_keys (changed_at);
-- A name may be given again once its key was revoked.
CREATE UNIQUE INDEX api_keys_live_name_key ON access.api_keys (workspace_id, lower(name)) WHERE revoked_at IS NULL;

CREATE TABLE access.audit_entries (
  workspace_id uuid NOT NULL REFERENCES access.workspaces (id),
  id uuid NOT NULL,
  at timestamptz(6) NOT NULL DEFAULT now(),
  actor text NOT NULL,
  action text NOT NULL,
  target text NOT NULL,
  details text NOT NULL,
  outcome text NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

GRANT SELECT, INSERT, UPDATE (settings_version, name) ON access.workspaces TO kindred_access;
GRANT SELECT, INSERT ON access.workspace_settings TO kindred_access;
GRANT SELECT, INSERT, UPDATE (revoked_at, changed_at) ON access.api_keys TO kindred_access;
GRANT SELECT, INSERT ON access.audit_entries TO kindred_access;

ALTER TABLE access.workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE access.workspaces FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON access.workspaces
  USING ((SELECT kindred.workspace()) IS NULL OR id = (SELECT kindred.workspace()));

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['workspace_settings', 'api_keys', 'audit_entries'] LOOP
    EXECUTE format('ALTER TABLE access.%I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE access.%I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
      'CREATE POLICY workspace_isolation ON access.%I USING ((SELECT kindred.workspace()) IS NULL OR workspace_id = (SELECT kindred.workspace()))',
      target
    );
  END LOOP;
END
$$;
