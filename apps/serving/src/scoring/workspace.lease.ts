import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { DATABASE } from '../store.js';

/**
 * Which workspaces this process reads: one reader per workspace over all replicas, by advisory locks that
 * live as long as one connection. When the connection breaks, every lease is over at once, and whatever a
 * reader still does then is refused by the position and fence its commit names.
 */
@Injectable()
export class WorkspaceLease implements OnApplicationShutdown {
  private connection: Promise<PoolClient> | undefined;
  private turn: Promise<void> = Promise.resolve();
  private readonly held = new Set<string>();

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** True if this process has the lease; tries to get it otherwise. */
  async hold(workspaceId: string): Promise<boolean> {
    if (this.held.has(workspaceId)) return true;
    // One connection asks one thing at a time.
    const asked = this.turn.then(() => this.take(workspaceId));
    this.turn = asked.then(
      () => undefined,
      () => undefined,
    );
    return asked;
  }

  /** False once the lease was lost since it was taken. */
  isHeld(workspaceId: string): boolean {
    return this.held.has(workspaceId);
  }

  async onApplicationShutdown(): Promise<void> {
    const client = await this.connection?.catch(() => undefined);
    if (client) this.end(client);
  }

  private async take(workspaceId: string): Promise<boolean> {
    const client = await (this.connection ??= this.connect());
    const { rows } = await client.query<{ taken: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('kindred.serving.reader:' || $1, 0)) as taken`,
      [workspaceId],
    );
    if (rows[0]?.taken) this.held.add(workspaceId);
    return this.held.has(workspaceId);
  }

  private async connect(): Promise<PoolClient> {
    try {
      const client = await this.database.pool.connect();
      client.once('error', () => this.end(client));
      client.once('end', () => this.end(client));
      return client;
    } catch (error) {
      this.connection = undefined;
      throw error;
    }
  }

  /** Closing the connection frees the locks; it is not given back to the pool. */
  private end(client: PoolClient): void {
    this.held.clear();
    this.connection = undefined;
    client.removeAllListeners('end').removeAllListeners('error');
    // A connection that is ended may still hear that Postgres goes away.
    client.on('error', () => undefined);
    client.release(true);
  }
}
