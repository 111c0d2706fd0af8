-- Exports of who was in a segment at an earlier time; null: of who is in it when the export is begun.
ALTER TABLE serving.exports ADD COLUMN as_of timestamptz;
