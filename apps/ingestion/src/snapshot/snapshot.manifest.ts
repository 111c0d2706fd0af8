import { createHash } from 'node:crypto';

import { access } from '#libs/contracts';
import type { Position } from '#libs/database';

import type { Kind, Profile } from './snapshot.profile.js';

export interface Shard {
  readonly path: string;
  readonly sha256: string;
  readonly rows: number;
  readonly customers: number;
}

/** What a manifest tells beside its shards and columns. Times are microseconds since 1970 UTC. */
export interface ManifestFacts {
  readonly workspaceId: string;
  readonly snapshotId: string;
  readonly position: Position;
  readonly settings: access.WorkspaceSettings;
  readonly wallClock: Date;
  readonly events: number;
  readonly customers: number;
  readonly firstOccurredAt: number;
  readonly lastOccurredAt: number;
  readonly names: readonly { readonly name: string; readonly events: number }[];
}

/** manifest.json of docs/snapshot.md. */
export interface Manifest {
  format: 'kindred.snapshot/1';
  workspaceId: string;
  snapshotId: string;
  position: { horizon: string; sequence: string };
  now: number;
  clock: 'LIVE' | 'DATA';
  timezone: string;
  currency: string | null;
  mainEvents: string[];
  valueProperty: string | null;
  events: number;
  customers: number;
  firstOccurredAt: number;
  lastOccurredAt: number;
  columns: { column: string; property: string; kind: Kind; present: number }[];
  items: { column: string; property: string; fields: readonly { name: string; kind: Kind }[] }[];
  names: readonly { name: string; events: number }[];
  shards: readonly Shard[];
  contentHash: string;
}

export function manifestOf(facts: ManifestFacts, profile: Profile, shards: readonly Shard[]): Manifest {
  const { settings } = facts;
  const isData = settings.clock === access.Clock.DATA;
  return {
    format: 'kindred.snapshot/1',
    workspaceId: facts.workspaceId,
    snapshotId: facts.snapshotId,
    position: { horizon: String(facts.position.horizon), sequence: String(facts.position.sequence) },
    now: isData ? facts.lastOccurredAt : facts.wallClock.getTime() * 1000,
    clock: isData ? 'DATA' : 'LIVE',
    timezone: settings.timezone || 'UTC',
    currency: settings.currency || null,
    mainEvents: settings.mainEvents,
    valueProperty: settings.valueProperty || null,
    events: facts.events,
    customers: facts.customers,
    firstOccurredAt: facts.firstOccurredAt,
    lastOccurredAt: facts.lastOccurredAt,
    columns: profile.columns.map(({ property, kind, present }) => ({ column: `p:${property}`, property, kind, present })),
    items: profile.items.map(({ property, fields }) => ({ column: `i:${property}`, property, fields })),
    names: facts.names,
    shards,
    contentHash: createHash('sha256').update(shards.map(({ sha256 }) => sha256).join('')).digest('hex'),
  };
}
