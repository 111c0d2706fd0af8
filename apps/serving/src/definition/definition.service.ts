import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import { definition } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { ChangeSignal } from '../change/change.signal.js';
import { PARTITIONS } from '../lease/partition.js';
import { segmentInWords } from '../page/public-id.js';
import { NIL, uuidFilter } from '../page/uuid.js';
import { lockMemberships, shareMemberships } from '../scoring/write.lock.js';
import { isoOf } from '../time/micros.js';
import { CustomerDirectory } from '../workspace/customer.directory.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { checkForm, type Condition, eventsIn, literalsIn, pathTo, segmentsIn, unknownEvent, unknownSegment } from './condition.js';
import { DefinitionReader } from './definition.reader.js';
import { DefinitionRepository, type DefinitionRow, isNameTaken, type Transaction } from './definition.repository.js';
import { writeCrossings } from './member.writes.js';
import { checkNaming, nameTaken } from './naming.js';

const MOST_CUSTOMERS = 10_000;
const MOST_SEGMENTS = 100;
const SAMPLED = 20;

/** What defines a segment: a rule, or a list of customers. */
type Meaning = { readonly condition: Condition } | { readonly customerIds: string[] };

/** Segments that people define. */
@Injectable()
export class DefinitionService {
  constructor(
    private readonly definitions: DefinitionRepository,
    private readonly reader: DefinitionReader,
    private readonly changes: ChangeSignal,
    private readonly directory: WorkspaceDirectory,
    private readonly customers: CustomerDirectory,
  ) {}

  async create(workspaceId: string, request: definition.CreateDefinedSegmentRequest): Promise<definition.CreateDefinedSegmentResponse> {
    const { name, description } = checkNaming(request);
    const meaning = await this.meaningOf(workspaceId, request);
    const condition = 'condition' in meaning ? meaning.condition : null;
    const id = uuid();
    await this.changing(workspaceId, name, async (client) => {
      const rows = await this.definitions.all(client);
      if (rows.length >= MOST_SEGMENTS) {
        throw new RpcError(status.RESOURCE_EXHAUSTED, `A workspace has at most ${MOST_SEGMENTS} segments that people defined.`, { reason: 'TOO_MANY_SEGMENTS' });
      }
      if (condition) await this.check(client, workspaceId, condition);
      if (!(await this.definitions.insert(client, id, condition ? 'RULE' : 'STATIC', name, description, condition))) throw nameTaken(name);
      if ('customerIds' in meaning) await this.list(client, workspaceId, id, meaning.customerIds);
    });
    return { definition: await this.read(workspaceId, id) } satisfies definition.CreateDefinedSegmentResponse;
  }

  async update(workspaceId: string, request: definition.UpdateDefinedSegmentRequest): Promise<definition.UpdateDefinedSegmentResponse> {
    const id = idOf(request.segmentId);
    const meaning = await this.meaningOf(workspaceId, request);
    await this.changing(workspaceId, '', async (client) => {
      const rows = await this.definitions.all(client);
      const row = rows.find(({ segmentId }) => segmentId === id);
      if (!row) throw unknown();
      if (row.kind === 'EXAMPLE') throw RpcError.invalid('The segment is drawn by examples; its threshold can be moved.', { reason: 'CONDITION_INVALID' });
      if (('condition' in meaning) !== (row.condition !== null)) {
        const told = row.condition === null ? 'a fixed list; give userIds' : 'a rule; give a condition';
        throw RpcError.invalid(`The segment is ${told}.`, { reason: 'CONDITION_INVALID' });
      }
      if ('customerIds' in meaning) return this.list(client, workspaceId, id, meaning.customerIds);
      await this.check(client, workspaceId, meaning.condition);
      refuseCycle(id, meaning.condition, rows);
      await this.definitions.change(client, id, meaning.condition);
    });
    return { definition: await this.read(workspaceId, id) } satisfies definition.UpdateDefinedSegmentResponse;
  }

  async delete(workspaceId: string, { segmentId }: definition.DeleteDefinedSegmentRequest): Promise<definition.DeleteDefinedSegmentResponse> {
    const id = idOf(segmentId);
    await this.changing(workspaceId, '', async (client) => {
      const rows = await this.definitions.all(client);
      const own = rows.find((row) => row.segmentId === id);
      if (!own) throw unknown();
      // Scoring must not let anybody into a region that is about to end.
      if (own.kind === 'EXAMPLE') await lockMemberships(client, workspaceId);
      const users = rows.filter(({ condition }) => condition !== null && segmentsIn(condition).includes(id));
      const [user] = users;
      if (user) {
        const named = users.map(({ segmentId: used, name }) => segmentInWords({ id: used, name })).join(', ');
        const message = users.length === 1 ? `The rule of ${named} names it; change or delete that one first.` : `The rules of ${named} name it; change or delete them first.`;
        throw RpcError.precondition(message, { reason: 'SEGMENT_IN_USE', metadata: { segment_id: user.segmentId } });
      }
      await this.definitions.retire(client, id);
      await this.list(client, workspaceId, id, []);
    });
    return {};
  }

  async preview(workspaceId: string, { condition }: definition.PreviewDefinedSegmentRequest): Promise<definition.PreviewDefinedSegmentResponse> {
    if (!condition) throw RpcError.invalid('condition: is missing.', { reason: 'CONDITION_INVALID' });
    checkForm(condition);
    const now = await this.definitions.within(workspaceId, (client) => this.check(client, workspaceId, condition));
    const sample = await this.definitions.preview(workspaceId, condition, now, SAMPLED);
    if (!sample) throw new RpcError(status.DEADLINE_EXCEEDED, 'Counting took too long; ask of fewer days, or of events that are rarer.', { reason: 'PREVIEW_TOO_LONG' });
    return { size: sample.size, population: sample.population, sampleCustomerIds: sample.sample, asOf: now, notices: sample.notices };
  }

  async get(workspaceId: string, { segmentId }: definition.GetSegmentDefinitionRequest): Promise<definition.GetSegmentDefinitionResponse> {
    return { definition: await this.read(workspaceId, idOf(segmentId)) };
  }

  async notices(workspaceId: string, { segmentId }: definition.GetRuleNoticesRequest): Promise<definition.GetRuleNoticesResponse> {
    const { condition, malformed } = await this.found(workspaceId, idOf(segmentId));
    if (condition === null || malformed !== null) return { notices: [] };
    const now = await this.definitions.within(workspaceId, (client) => this.now(client, workspaceId));
    return { notices: await this.definitions.notices(workspaceId, condition, now) };
  }

  async findings(workspaceId: string, { segmentId, customerId }: definition.FindConditionsRequest): Promise<definition.FindConditionsResponse> {
    const { condition, malformed } = await this.found(workspaceId, idOf(segmentId));
    if (condition === null || malformed !== null) return { findings: [] };
    const asOf = await this.definitions.within(workspaceId, (client) => this.now(client, workspaceId));
    const literals = [...literalsIn(condition)];
    const found = await this.definitions.findings(workspaceId, literals, idOf(customerId), asOf);
    if (!found) throw new RpcError(status.DEADLINE_EXCEEDED, 'Looking took too long; ask again, or of a rule that reaches less far back.', { reason: 'FINDING_TOO_LONG' });
    const findings = literals.flatMap(({ path, condition: part }, at) => {
      const one = found[at];
      if (!one) return [];
      const { isMet, times, sum, due, held } = one;
      return [{ path, condition: part, isMet, times: times ?? undefined, sum: sum ?? undefined, countsUntil: due ?? undefined, value: held ?? '', asOf }];
    });
    return { findings } satisfies definition.FindConditionsResponse;
  }

  private async found(workspaceId: string, id: string): Promise<DefinitionRow> {
    const row = (await this.definitions.within(workspaceId, (client) => this.definitions.all(client))).find(({ segmentId }) => segmentId === id);
    if (!row) throw unknown();
    return row;
  }

  private async read(workspaceId: string, id: string): Promise<definition.SegmentDefinition> {
    const row = await this.found(workspaceId, id);
    return {
      segmentId: id,
      condition: row.malformed === null ? (row.condition ?? undefined) : undefined,
      changedAt: row.changedAt.toISOString(),
      progress: 1 - row.unbuilt / PARTITIONS,
      failure: row.malformed ?? row.failure ?? '',
    } satisfies definition.SegmentDefinition;
  }

  /** In one transaction that nobody else changes definitions beside; then everyone is told. */
  private async changing(workspaceId: string, name: string, work: (client: Transaction) => Promise<void>): Promise<void> {
    try {
      await this.definitions.within(workspaceId, async (client) => {
        await this.definitions.hold(client);
        await shareMemberships(client, workspaceId);
        await work(client);
      });
    } catch (error) {
      throw isNameTaken(error) ? nameTaken(name) : error;
    }
    this.changes.announce(workspaceId);
    this.reader.wake();
  }

  private async meaningOf(
    workspaceId: string,
    { condition, customers }: { condition: Condition | undefined; customers: definition.CustomerList | undefined },
  ): Promise<Meaning> {
    if ((condition === undefined) === (customers === undefined)) {
      throw RpcError.invalid('Give either a condition or a list of customers.', { reason: 'CONDITION_INVALID' });
    }
    if (condition) {
      checkForm(condition);
      return { condition };
    }
    return { customerIds: await this.customers.resolve(workspaceId, customers?.userIds ?? [], MOST_CUSTOMERS) };
  }

  private async list(client: Transaction, workspaceId: string, id: string, customerIds: readonly string[]): Promise<void> {
    const [before, after] = [new Set(await this.definitions.members(client, id)), new Set(customerIds)];
    const crossings = { enters: [...after].filter((one) => !before.has(one)), leaves: [...before].filter((one) => !after.has(one)) };
    await writeCrossings(client, workspaceId, id, crossings, await this.now(client, workspaceId));
  }

  private async now(client: Transaction, workspaceId: string): Promise<string> {
    return isoOf(await this.directory.now(workspaceId, await this.definitions.newestEventAt(client)));
  }

  /** That what it names exists, and that Postgres takes it; answers as of when. */
  private async check(client: Transaction, workspaceId: string, condition: Condition): Promise<string> {
    await this.checkNames(client, condition);
    const now = await this.now(client, workspaceId);
    await this.definitions.tryOut(client, condition, now);
    return now;
  }

  private async checkNames(client: Transaction, condition: Condition): Promise<void> {
    const [event] = await this.definitions.unknownEvents(client, eventsIn(condition));
    if (event !== undefined) throw unknownEvent(pathTo(condition, ({ performed }) => performed?.event === event) ?? '', event);
    const named = segmentsIn(condition);
    const known = new Map((await this.definitions.known(client, named)).map((segment) => [segment.id, segment]));
    for (const id of named) {
      const segment = known.get(id);
      const path = pathTo(condition, ({ memberOf }) => memberOf.toLowerCase() === id) ?? '';
      if (!segment?.isLive) throw unknownSegment(path, id, segment?.name);
      if (!segment.isMain) throw RpcError.invalid(`${path}.memberOf: the segment is not on the main level; a rule names only those that are.`, { reason: 'SEGMENT_NOT_MAIN', metadata: { path } });
    }
  }
}

function refuseCycle(id: string, condition: Condition, rows: readonly DefinitionRow[]): void {
  const known = new Map(rows.map((row) => [row.segmentId, row]));
  const reached = new Set<string>();
  /** The segments by way of which the condition names the one, in their order; undefined: it does not. */
  const way = (part: Condition): DefinitionRow[] | undefined => {
    for (const named of segmentsIn(part)) {
      if (named === id) return [];
      const row = known.get(named);
      if (reached.has(named) || !row?.condition) continue;
      reached.add(named);
      const beyond = way(row.condition);
      if (beyond) return [row, ...beyond];
    }
    return undefined;
  };
  const between = way(condition);
  if (!between) return;
  const by = between.length === 0 ? '' : `, by way of ${between.map(({ segmentId, name }) => segmentInWords({ id: segmentId, name })).join(', ')}`;
  throw RpcError.invalid(`The rule would name itself${by}.`, { reason: 'CONDITION_CYCLE' });
}

function idOf(given: string): string {
  return uuidFilter(given)?.toLowerCase() ?? NIL;
}

function unknown(): RpcError {
  return RpcError.notFound('There is no such segment that people defined.', { reason: 'SEGMENT_UNKNOWN' });
}
