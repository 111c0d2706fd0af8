import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { FEED } from '#libs/history';
import { SERVICE } from '#libs/service';

import { guardLeases } from '../lease/lease.repository.js';
import { type Lease, PARTITIONS, partitionOf } from '../lease/partition.js';
import { shareMemberships } from '../scoring/write.lock.js';
import type { Context } from '../store.js';
import { isoOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { segmentsIn } from './condition.js';
import { type Look, reachesBeyond } from './condition.sql.js';
import { advance, holdPositions, readFeeds } from './definition.positions.js';
import { type Build, DefinitionRepository, type DefinitionRow } from './definition.repository.js';
import { type Crossing, tellCrossings } from './member.writes.js';
import { failureOf, rulesFailed } from './rule.failure.js';
import { inLevels, inStatements, judge } from './rule.judge.js';

/** Customers whose windows end that are looked at in one step. */
const MOST_DUE = 500;
/** Customers of everyone who are looked at in one step under a rule that was made or changed. */
const PIECE = 500;

/** Whoever takes a step, and the partitions that are theirs. */
export interface Holder {
  readonly replicaId: string;
  readonly leases: readonly Lease[];
}

export interface Taken {
  /** There is more to do at once. */
  readonly hasMore: boolean;
  /** Somebody's membership changed. */
  readonly hasChanges: boolean;
}

type DefinedRule = DefinitionRow & { readonly condition: NonNullable<DefinitionRow['condition']> };

export const NOTHING: Taken = { hasMore: false, hasChanges: false };
const DUE = `select distinct customer_id as id from (
  select customer_id from serving.segment_deadlines where due_at <= $1::timestamptz and serving.partition_of(customer_id) = any($2::int[]) and segment_id = any($3::uuid[])
  order by due_at limit ${MOST_DUE}) as due`;

/** What one step has to do: whom to judge under every rule, whom under rules that name segments, and whom under the one that is built. */
interface Work {
  readonly touched: readonly string[];
  readonly moved: readonly string[];
  /** Those of them whom a change of model moved, and nothing else has looked at. */
  readonly promoted: ReadonlySet<string>;
  readonly piece: Piece | undefined;
  readonly now: string;
  readonly source: string;
}

/** Some of a partition of everyone. */
interface Piece extends Build {
  readonly customerIds: readonly string[];
  readonly isLast: boolean;
}

/** Whoever of a partition is still to be looked at under a rule, in this process: one that takes it over begins anew. */
interface Rest {
  readonly key: string;
  readonly customerIds: readonly string[];
}

/**
 * One step of a workspace's rules, for the partitions that a replica leases: whoever had an event, changed hands or saw a
 * window end is looked at anew under every rule, whoever moved between segments under those that name some, and a piece of
 * everyone under a rule that was changed. All of it and how far the feeds were read is one transaction under the leases, so
 * that a step that dies never was. Rules are judged beside the commits of scoring; what is told of it comes last, under the
 * lock that those wait for. A rule that is malformed or that Postgres refuses is left out for a while, and holds up no other.
 */
@Injectable()
export class DefinitionStep {
  private readonly rests = new Map<string, Rest>();

  constructor(
    private readonly definitions: DefinitionRepository,
    private readonly directory: WorkspaceDirectory,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  async take(workspaceId: string, { replicaId, leases }: Holder): Promise<Taken> {
    const rest = this.rests.get(workspaceId);
    this.rests.delete(workspaceId);
    const { taken, left } = await this.definitions.within(workspaceId, async (client) => {
      if (!(await guardLeases(client, replicaId, leases))) return { taken: NOTHING };
      const positions = await holdPositions(client, leases.map(({ partition }) => partition));
      if (positions.length === 0) return { taken: NOTHING };
      const defined = (await this.definitions.all(client)).filter((row): row is DefinedRule => row.condition !== null);
      if (defined.length === 0) {
        await endFollowing(client);
        return { taken: NOTHING };
      }
      const tried = defined.filter(({ isPaused }) => !isPaused);
      for (const rule of tried) if (rule.malformed !== null) await this.leaveOut(client, workspaceId, rule, rule.malformed);
      const levels = inLevels(tried.filter(({ malformed }) => malformed === null));
      const rules = levels.flat();
      const held = positions.map(({ partition }) => partition);
      const read = await readFeeds(client, positions);
      const now = isoOf(await this.directory.now(workspaceId, read.newestEventAt));
      const losing = rules.flatMap(({ segmentId, condition, lostUntil }) => (lostUntil ? { segmentId, hasCounted: reachesBeyond(condition, lostUntil, now) } : []));
      if (losing.length > 0) await this.definitions.lose(client, losing);
      const due = await client.query<{ id: string }>(DUE, [now, held, rules.map(({ segmentId }) => segmentId)]);
      // Of two customers who share an event by a merge, one may be another replica's.
      const ours = (ids: readonly string[]) => [...new Set(ids)].filter((id) => held.includes(partitionOf(id)));
      const touched = ours([...read.customerIds, ...due.rows.map(({ id }) => id)]);
      const moved = ours(read.movedIds);
      const { piece, left } = await this.nextPiece(client, rules, held, rest);
      const otherwise = new Set([...touched, ...(piece?.customerIds ?? [])]);
      const promoted = new Set(read.promotedIds.filter((id) => !otherwise.has(id)));
      const looked = [...new Set([...touched, ...moved, ...(piece?.customerIds ?? [])])];
      const source = looked.length === 0 ? FEED : await this.definitions.sourceFor(client, rules.map(({ condition }) => condition), { customerIds: looked }, now);
      const crossings = looked.length === 0 ? [] : await this.judgeAll(client, workspaceId, levels, { touched, moved, promoted, piece, now, source });
      if (piece?.isLast) await this.definitions.built(client, piece);
      await advance(client, read);
      const hasChanges = await tellCrossings(client, workspaceId, crossings, now);
      return { taken: { hasMore: read.isFull || due.rows.length > 0 || piece !== undefined, hasChanges }, left };
    });
    if (left) this.rests.set(workspaceId, left);
    return taken;
  }

  private async nextPiece(client: PoolClient, rules: readonly DefinedRule[], held: readonly number[], rest: Rest | undefined): Promise<{ piece?: Piece; left?: Rest }> {
    const build = await this.definitions.nextBuild(client, rules.map(({ segmentId }) => segmentId), held);
    if (!build) return {};
    const key = Object.values(build).join();
    const customerIds = rest?.key === key ? rest.customerIds : await this.definitions.toLookAt(client, build);
    const left = customerIds.slice(PIECE);
    const isLast = left.length === 0;
    return { piece: { ...build, customerIds: customerIds.slice(0, PIECE), isLast }, ...(isLast ? {} : { left: { key, customerIds: left } }) };
  }

  /** Answers the crossings, which are still to be told. */
  private async judgeAll(client: PoolClient, workspaceId: string, levels: readonly (readonly DefinedRule[])[], { touched, moved, promoted, piece, now, source }: Work): Promise<Crossing[]> {
    await shareMemberships(client, workspaceId);
    const crossings: Crossing[] = [];
    const look = async (rules: readonly DefinedRule[], customerIds: readonly string[]) => {
      if (customerIds.length === 0) return;
      for (const together of inStatements(rules, customerIds.length)) crossings.push(...(await this.judgeTogether(client, workspaceId, together, { customerIds, now, source })));
    };
    for (const level of levels) {
      const { naming = [], plain = [] } = Object.groupBy(level, ({ condition }) => (segmentsIn(condition).length > 0 ? 'naming' : 'plain'));
      await look(plain, touched);
      await look(naming, [...new Set([...touched, ...moved])]);
      await look(level.filter(({ segmentId }) => segmentId === piece?.segmentId), piece?.customerIds ?? []);
    }
    return crossings.map((crossing) => ({ ...crossing, isByPromotion: promoted.has(crossing.customerId) }));
  }

  /** Where one of several rules is refused, each is judged alone; of that one nothing is done, and everyone is looked at anew when it is tried again. */
  private async judgeTogether(client: PoolClient, workspaceId: string, rules: readonly DefinedRule[], look: Look): Promise<Crossing[]> {
    await client.query('savepoint rules');
    try {
      const crossings = await judge(client, rules, look);
      for (const { failure, segmentId } of rules) if (failure !== null) await this.definitions.recover(client, segmentId);
      await client.query('release savepoint rules');
      return crossings;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      await client.query('rollback to savepoint rules');
      const crossings: Crossing[] = [];
      for (const rule of rules) {
        if (rules.length > 1) crossings.push(...(await this.judgeTogether(client, workspaceId, [rule], look)));
        else await this.leaveOut(client, workspaceId, rule, failure);
      }
      return crossings;
    }
  }

  private async leaveOut(client: PoolClient, workspaceId: string, { segmentId }: DefinedRule, failure: string): Promise<void> {
    await this.definitions.fail(client, segmentId, failure);
    rulesFailed.inc();
    this.context.log.warn({ workspaceId, segmentId, failure }, 'a rule is left out for a while: nobody can be judged by it');
  }
}

/** Without rules there is nothing to follow; whoever holds all partitions then says so. */
async function endFollowing(client: PoolClient): Promise<void> {
  const { rowCount } = await client.query(`select from serving.definition_positions for update skip locked`);
  if (rowCount !== PARTITIONS) return;
  await client.query(`delete from serving.definition_positions`);
  await client.query(`delete from serving.open_definitions where workspace_id = kindred.workspace() and not exists (select from serving.segment_regions)`);
}
