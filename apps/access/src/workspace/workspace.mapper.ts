import { access } from '#libs/contracts';
import type { schema } from '#libs/database';

/** A workspace's row with the settings that hold. */
export interface WorkspaceRow {
  readonly workspace: schema.Workspace;
  readonly settings: schema.WorkspaceSettings;
}

export function toWorkspace({ workspace, settings }: WorkspaceRow): access.Workspace {
  return {
    id: workspace.id,
    slug: workspace.slug,
    name: workspace.name,
    createdAt: workspace.createdAt.toISOString(),
    settings: toSettings(settings),
  } satisfies access.Workspace;
}

function toSettings(row: schema.WorkspaceSettings): access.WorkspaceSettings {
  return {
    version: row.version,
    clock: row.clock === 'DATA' ? access.Clock.DATA : access.Clock.LIVE,
    timezone: row.timezone,
    currency: row.currency,
    mainEvents: row.mainEvents,
    valueProperty: row.valueProperty,
    guessed: row.guessed,
  } satisfies access.WorkspaceSettings;
}
