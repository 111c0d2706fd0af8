/** `$1` workspace, `$2` customer ids: each with the customer it is today. Ids that were merged redirect. */
export const CURRENT_CUSTOMERS = `
  WITH RECURSIVE path AS (
    SELECT c.id AS requested, c.id, c.merged_into FROM ingestion.customers c WHERE c.workspace_id = $1 AND c.id = ANY ($2::uuid[])
    UNION ALL
    SELECT p.requested, c.id, c.merged_into FROM path p JOIN ingestion.customers c ON c.workspace_id = $1 AND c.id = p.merged_into
  )
  SELECT requested, id FROM path WHERE merged_into IS NULL`;
