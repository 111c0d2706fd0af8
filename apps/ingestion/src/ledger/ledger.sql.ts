/** Rows of a table that arrived in the hours from $2 until before $3; `$1` is the workspace. */
const arrivedIn = `workspace_id = $1::uuid AND received_at >= $2::timestamptz AND received_at < $3::timestamptz`;
const HOUR = `date_trunc('hour', received_at, 'UTC')`;

/**
 * Counts what is there, hour by hour, against what the ledger says. One statement, hence one snapshot: the ledger is
 * written in the transactions that write the data, so that at any moment both say the same, of the present hour too.
 */
export const RECOUNT = {
  name: 'recount_ledger',
  text: `
    INSERT INTO ingestion.ledger_checks AS c (workspace_id, hour, reconciled_at, stored_difference, duplicate_difference, rejected_difference)
    SELECT $1::uuid, hour, now(), sum(stored), sum(duplicate), sum(rejected)
    FROM (
      SELECT ${HOUR} AS hour, -sum(stored) AS stored, -sum(duplicate) AS duplicate, -sum(rejected) AS rejected
      FROM ingestion.intake_batches WHERE ${arrivedIn} GROUP BY 1
      UNION ALL
      SELECT ${HOUR}, count(*), 0, 0 FROM ingestion.message_ids WHERE ${arrivedIn} GROUP BY 1
      UNION ALL
      SELECT ${HOUR}, count(*), 0, 0 FROM ingestion.erased_message_ids WHERE ${arrivedIn} GROUP BY 1
      UNION ALL
      SELECT ${HOUR}, 0, count(*), 0 FROM ingestion.duplicate_events WHERE ${arrivedIn} GROUP BY 1
      UNION ALL
      SELECT ${HOUR}, 0, 0, count(*) FROM ingestion.rejected_events WHERE ${arrivedIn} AND unit = 'EVENT' AND state <> 'REPLAYED' GROUP BY 1
      UNION ALL
      SELECT hour, 0, duplicate, rejected FROM ingestion.ledger_erasures WHERE workspace_id = $1::uuid AND hour >= $2::timestamptz AND hour < $3::timestamptz
      UNION ALL
      SELECT hour, stored, duplicate, 0 FROM ingestion.ledger_drops WHERE workspace_id = $1::uuid AND hour >= $2::timestamptz AND hour < $3::timestamptz
      UNION ALL
      -- An hour that was found wrong is looked at again also where nothing is left of it.
      SELECT hour, 0, 0, 0 FROM ingestion.ledger_checks WHERE workspace_id = $1::uuid AND hour >= $2::timestamptz AND hour < $3::timestamptz
    ) counted
    GROUP BY hour ORDER BY hour
    ON CONFLICT (workspace_id, hour) DO UPDATE SET reconciled_at = excluded.reconciled_at, stored_difference = excluded.stored_difference,
      duplicate_difference = excluded.duplicate_difference, rejected_difference = excluded.rejected_difference`,
};

const DIFFERENCE = 'abs(stored_difference) + abs(duplicate_difference) + abs(rejected_difference)';

/** From the last hour that was looked at and the one before it on, which is all there is for a new workspace. */
export const NEWEST_HOURS = `
  SELECT coalesce((max(hour) - interval '1 hour')::text, '-infinity') AS from, 'infinity' AS to FROM ingestion.ledger_checks WHERE workspace_id = $1`;

/**
 * What was not looked at for longest, a day and the gap behind it, as far as the newest hours ($2), which were looked at just now:
 * such ranges leave no time out, also none without a check.
 */
export const OLDEST_CHECK = `
  SELECT CASE WHEN EXISTS (SELECT FROM ingestion.ledger_checks e WHERE e.workspace_id = $1 AND e.hour < o.hour) THEN o.hour::text ELSE '-infinity' END AS from,
    least($2::timestamptz, coalesce((SELECT min(n.hour) FROM ingestion.ledger_checks n WHERE n.workspace_id = $1 AND n.hour >= o.hour + interval '1 day'), 'infinity'))::text AS to
  FROM ingestion.ledger_checks o WHERE o.workspace_id = $1 ORDER BY o.reconciled_at, o.hour LIMIT 1`;

/** What was found wrong, so that an alarm ends as soon as it has no reason any more. */
export const WRONG_HOURS = `
  SELECT hour::text AS from, (hour + interval '1 hour')::text AS to FROM ingestion.ledger_checks WHERE workspace_id = $1 AND ${DIFFERENCE} > 0 ORDER BY hour LIMIT 100`;

/** By how many events data and ledger differ in the hours that the range touches, and since when none of them was looked at. */
export const CHECKED = (since: string) => `
  SELECT ${since} AS reconciled_at, coalesce(sum(${DIFFERENCE}), 0) AS difference
  FROM ingestion.ledger_checks
  WHERE workspace_id = $1 AND hour >= date_trunc('hour', coalesce($2::timestamptz, '-infinity'), 'UTC') AND hour < coalesce($3::timestamptz, 'infinity')`;
