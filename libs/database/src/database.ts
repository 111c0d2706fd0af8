import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, type PoolClient, type PoolConfig, type QueryConfig, type QueryResultRow } from 'pg';

import { type Prisma, PrismaClient } from './gen/client.js';

export interface DatabaseOptions {
  /** Of the login; the service's role is assumed on connecting. */
  url: string;
  /** Without the prefix: `ingestion` acts as kindred_ingestion. */
  service: 'access' | 'ingestion' | 'training' | 'serving';
  /** Connections of each of the two pools (Prisma's and the hot path's). */
  connections?: number;
  /**
   * The hot path's statements are sent without waiting for one another's answers (those that are started
   * together, and the beginning of each transaction): fewer round trips. Such connections cannot COPY, and
   * work that starts statements together must start none after one of them has failed.
   */
  pipeline?: boolean;
  /** A transaction whose client says nothing for so long is ended by Postgres: a paused process holds nothing up. */
  idleTransactionMs?: number;
}

/** Of Postgres, by name. */
export type Settings = Readonly<Record<string, string>>;

/** Prisma inside a transaction that sees one workspace. */
export type Transaction = Prisma.TransactionClient;

export interface Database {
  /** Prisma outside of any workspace: only tables without one are visible. */
  readonly prisma: PrismaClient;
  /** node-postgres for COPY and other hot paths; acts under the same role. */
  readonly pool: Pool;
  /** One transaction in one workspace. Serialisation is the caller's to ask for by locking. */
  inWorkspace<T>(workspaceId: string, work: (transaction: Transaction) => Promise<T>, timeoutMs?: number): Promise<T>;
  /** The same on a raw connection, for COPY and set-based statements; with settings of Postgres that hold for this transaction. */
  onConnection<T>(workspaceId: string, work: (client: PoolClient) => Promise<T>, settings?: Settings): Promise<T>;
  /**
   * The rows of one statement that only reads, in one workspace: sent together with its transaction, so that it costs one round trip. With
   * `isPlannedOnce`, a named statement is planned once a connection, and again whenever its tables were measured.
   */
  read<Row extends QueryResultRow>(workspaceId: string, statement: QueryConfig, options?: { isPlannedOnce?: boolean }): Promise<Row[]>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** As long as a call may take (libs/grpc): where all connections are in use, that is no sign that the database is away. */
const WAIT_MS = 10_000;

/** Opens a service's database under its own non-owner role, so that row-level security holds. */
export function openDatabase({ url, service, connections = 5, pipeline = false, idleTransactionMs = 0 }: DatabaseOptions): Database {
  const options = {
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: `-c role=kindred_${service} -c application_name=kindred_${service} -c idle_in_transaction_session_timeout=${idleTransactionMs}`,
  };
  const prisma = new PrismaClient({ adapter: new PrismaPg(options) });
  const pool = openPool({ ...options, pipeline });
  // Opens nothing before it is used.
  const reads = pipeline ? pool : openPool({ ...options, pipeline: true, max: Math.ceil(connections / 2) });

  return {
    prisma,
    pool,
    inWorkspace: (workspaceId, work, timeoutMs = 30_000) =>
      prisma.$transaction(
        async (transaction) => {
          await transaction.$executeRaw`select set_config('app.workspace', ${workspaceId}, true)`;
          return work(transaction);
        },
        { timeout: timeoutMs, maxWait: CONNECT_TIMEOUT_MS },
      ),
    onConnection: async (workspaceId, work, settings) => {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        const begun = client.query(begin(client, workspaceId, settings));
        // In a pipeline the work's first statements go out behind the beginning; were that to fail, so would they.
        if (!pipeline) await begun;
        const [worked, opened] = await Promise.allSettled([work(client), begun]);
        if (opened.status === 'rejected') throw opened.reason;
        if (worked.status === 'rejected') throw worked.reason;
        await client.query('commit');
        return worked.value;
      } catch (error) {
        // A connection that cannot roll back is not given back to the pool.
        await client.query('rollback').catch((failure: Error) => (broken = failure));
        throw error;
      } finally {
        client.release(broken);
      }
    },
    read: async <Row extends QueryResultRow>(workspaceId: string, statement: QueryConfig, { isPlannedOnce = false } = {}) => {
      const client = await reads.connect();
      let broken: Error | undefined;
      try {
        const planned = isPlannedOnce ? '; set local plan_cache_mode = force_generic_plan' : '';
        // The end goes out behind the statement: of one that failed, it undoes nothing but the transaction.
        const sent = [client.query(`${begin(client, workspaceId)}${planned}`), client.query<Row>(statement), client.query('commit')] as const;
        const [begun, read, ended] = await Promise.allSettled(sent);
        if (begun.status === 'rejected') throw begun.reason;
        if (read.status === 'rejected') throw read.reason;
        if (ended.status === 'rejected') throw ended.reason;
        return read.value.rows;
      } catch (error) {
        await client.query('rollback').catch((failure: Error) => (broken = failure));
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: async () => {
      await Promise.all([prisma.$disconnect(), pool.end(), ...(reads === pool ? [] : [reads.end()])]);
    },
  };
}

function openPool(options: PoolConfig): Pool {
  // Connections stay once they are open: to log in takes Postgres milliseconds of a core, which a burst after ten quiet seconds would wait for.
  const pool = new Pool({ ...options, connectionTimeoutMillis: WAIT_MS, min: options.max, keepAlive: true });
  // An idle connection that breaks (Postgres restarted) is replaced by the pool; unheard it would end the process.
  pool.on('error', () => undefined);
  // So would one that breaks in use, between two statements: the next of them fails, which its caller hears.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** One message for all: the rest is often less work than a round trip. */
function begin(client: PoolClient, workspaceId: string, settings: Settings = {}): string {
  const local = Object.entries({ 'app.workspace': workspaceId, ...settings });
  return `begin; select ${local.map(([name, value]) => `set_config(${client.escapeLiteral(name)}, ${client.escapeLiteral(value)}, true)`).join(', ')}`;
}
