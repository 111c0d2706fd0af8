-- What a file tells of members. Schedules of before keep to the columns that their readers know, and so does what a serving of before asks for,
-- beside which this is migrated.
ALTER TABLE serving.export_schedules
  ADD COLUMN columns    text[] NOT NULL DEFAULT '{USER_ID,ANONYMOUS_ID,STRENGTH,SINCE,DECIDED_AT}',
  ADD COLUMN attributes text[] NOT NULL DEFAULT '{}';
ALTER TABLE serving.exports
  ADD COLUMN columns    text[] NOT NULL DEFAULT '{USER_ID,ANONYMOUS_ID,STRENGTH,SINCE,DECIDED_AT}',
  ADD COLUMN attributes text[] NOT NULL DEFAULT '{}';
