-- Uploaded files end: so long after their imports did, and when somebody is erased whom they brought. ENDING: to be removed once no
-- import reads it any more; no new one is begun with it.
ALTER TABLE ingestion.imports
  ADD COLUMN file_state text NOT NULL DEFAULT 'KEPT' CHECK (file_state IN ('KEPT', 'ENDING', 'GONE'));
CREATE INDEX imports_artifact_idx ON ingestion.imports (workspace_id, artifact);
-- The same file may have been uploaded several times.
CREATE INDEX imports_sha256_idx ON ingestion.imports (workspace_id, file_sha256);
CREATE INDEX imports_file_idx ON ingestion.imports (workspace_id, file_state) WHERE file_state <> 'GONE';
