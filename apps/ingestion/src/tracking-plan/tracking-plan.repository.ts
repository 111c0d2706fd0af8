import type { Database } from '#libs/database';

import { isoMicros } from '../page.js';

export type PlanMode = 'OBSERVE' | 'ENFORCE';

export interface PlanEventRow {
  event_name: string;
  version: number;
  schema: Record<string, unknown>;
  mode: PlanMode;
  set_at: string;
  set_by: string;
}

export interface PlanRows {
  /** 0: none was ever declared. */
  readonly version: number;
  /** By name. */
  readonly events: readonly PlanEventRow[];
}

export interface ViolationRow {
  event_name: string;
  property: string;
  rule: string;
  source: string;
  count: string;
  refused: string;
  first_hour: string;
  last_hour: string;
  example_message_id: string;
}

export interface PlanChange {
  readonly event: string;
  /** Undefined: the event is taken out of the plan. */
  readonly to: { readonly schema: Record<string, unknown>; readonly mode: PlanMode } | undefined;
  readonly actor: string;
}

const READ = `
  SELECT v.version AS plan_version, p.event_name, p.version, p.schema, p.mode, ${isoMicros('p.set_at')} AS set_at, p.set_by
  FROM ingestion.tracking_plan_versions v
  LEFT JOIN ingestion.tracking_plans p ON p.workspace_id = v.workspace_id AND p.ended_version IS NULL
  WHERE v.workspace_id = $1 ORDER BY p.event_name`;
const KEEP_DAYS = 30;

/** Plans, every version of them, and how events depart from them. */
export class TrackingPlanRepository {
  constructor(private readonly database: Database) {}

  /** Over all workspaces: which version of its plan each has. */
  async versions(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.pool.query<{ workspace_id: string; version: number }>('SELECT workspace_id, version FROM ingestion.tracking_plan_versions');
    return new Map(rows.map(({ workspace_id, version }) => [workspace_id, version]));
  }

  /** One statement, so that the version is that of the events. */
  async read(workspaceId: string): Promise<PlanRows> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<PlanEventRow & { plan_version: number; event_name: string | null }>(READ, [workspaceId]);
      return { version: rows[0]?.plan_version ?? 0, events: rows.filter(({ event_name }) => event_name !== null) };
    });
  }

  /** A new version of the plan, unless another one came between. False: `seen` is not the plan's version any more. */
  async change(workspaceId: string, seen: number, { event, to, actor }: PlanChange): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const raised = await client.query(
        `INSERT INTO ingestion.tracking_plan_versions AS v (workspace_id, version) VALUES ($1, $2 + 1)
         ON CONFLICT (workspace_id) DO UPDATE SET version = excluded.version WHERE v.version = $2`,
        [workspaceId, seen],
      );
      if (raised.rowCount !== 1) return false;
      await client.query(
        'UPDATE ingestion.tracking_plans SET ended_version = $3 WHERE workspace_id = $1 AND event_name = $2 AND ended_version IS NULL',
        [workspaceId, event, seen + 1],
      );
      if (to) {
        await client.query(
          'INSERT INTO ingestion.tracking_plans (workspace_id, event_name, version, schema, mode, set_by) VALUES ($1, $2, $3, $4, $5, $6)',
          [workspaceId, event, seen + 1, JSON.stringify(to.schema), to.mode, actor],
        );
      }
      return true;
    });
  }

  /** Most first, and how many there are in all. */
  async violations(workspaceId: string, event: string, from: string | undefined, first: number): Promise<{ rows: ViolationRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ViolationRow & { total: string }>(
        `SELECT event_name, property, rule, source, sum(count) AS count, sum(refused) AS refused, ${isoMicros('min(hour)')} AS first_hour,
           ${isoMicros('max(hour)')} AS last_hour, (array_agg(example_message_id ORDER BY hour DESC))[1] AS example_message_id, count(*) OVER () AS total
         FROM ingestion.tracking_plan_violations
         WHERE workspace_id = $1 AND ($2 = '' OR event_name = $2) AND hour >= coalesce(date_trunc('hour', $3::timestamptz), '-infinity')
         GROUP BY event_name, property, rule, source
         ORDER BY sum(count) DESC, event_name, property, rule, source LIMIT $4`,
        [workspaceId, event, from ?? null, first],
      );
      return { rows, total: Number(rows[0]?.total ?? 0) };
    });
  }

  async forgetOldViolations(workspaceId: string): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(`DELETE FROM ingestion.tracking_plan_violations WHERE workspace_id = $1 AND hour < now() - make_interval(days => ${KEEP_DAYS})`, [workspaceId]),
    );
  }
}
