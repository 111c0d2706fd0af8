import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { WorkspacePrincipal } from '#libs/auth';
import type { label } from '#libs/contracts';
import { cutPage, expectFewIds, rowsOf, RpcError, status } from '#libs/grpc';

import { cursorOf, UUID } from '../page.js';
import { actorOf } from '../run/run.mapper.js';
import { kindOf } from './label.kind.js';
import { toLabelSet, toPersonLabel } from './label.mapper.js';
import { LabelReading } from './label.reading.js';
import { LabelRepository, type LabelSetRow } from './label.repository.js';
import { LabelSource } from './label.source.js';

const LONGEST_NAME = 120;
const MOST_LISTED = 1_000;

/** What can be asked of label sets. */
@Injectable()
export class LabelService {
  constructor(
    private readonly repository: LabelRepository,
    private readonly source: LabelSource,
  ) {}

  /** Throws NAME_INVALID, LABELS_INVALID, NAME_TAKEN. */
  async create({ workspaceId, actor }: WorkspacePrincipal, request: label.CreateLabelSetRequest): Promise<label.LabelSet> {
    const name = request.name.trim();
    if (name === '' || name.length > LONGEST_NAME) throw RpcError.invalid(`A label set has a name of 1 to ${LONGEST_NAME} characters.`, { reason: 'NAME_INVALID' });
    const kind = kindOf(request.kind);
    if (kind === undefined) throw RpcError.invalid('Labels are yes or no (BINARY), or numbers (NUMERIC).', { reason: 'LABELS_INVALID' });
    const asOf = request.asOf === undefined ? null : new Date(request.asOf);
    if (asOf !== null && asOf > new Date()) throw RpcError.invalid('asOf has not come yet: it is when the question was asked of the customers.', { reason: 'LABELS_INVALID' });
    const row = await this.repository.create(workspaceId, { id: uuid(), name, kind, asOf, requestedBy: actorOf(actor) });
    if (row) return toLabelSet(row);
    throw new RpcError(status.ALREADY_EXISTS, `There is a label set "${name}" already.`, { reason: 'NAME_TAKEN' });
  }

  async get(workspaceId: string, ids: readonly string[]): Promise<label.LabelSet[]> {
    expectFewIds(ids);
    return (await this.repository.get(workspaceId, ids.filter((id) => UUID.test(id)))).map(toLabelSet);
  }

  async list(workspaceId: string, { page }: label.ListLabelSetsRequest): Promise<label.ListLabelSetsResponse> {
    const first = rowsOf(page);
    const [rows, total] = await this.repository.list(workspaceId, { first, after: cursorOf(page, UUID) });
    const { rows: sets, pageInfo } = cutPage(rows, first, total, ({ id }) => id);
    return { labelSets: sets.map(toLabelSet), pageInfo };
  }

  /** Throws LABEL_SET_UNKNOWN, LABELS_INVALID, and what keeps the file from being read. */
  async add(workspaceId: string, request: label.AddLabelsRequest): Promise<label.AddLabelsResponse> {
    const set = await this.found(workspaceId, request.labelSetId);
    if ((request.artifact === '') === (request.labels.length === 0)) throw RpcError.invalid('Give labels, or a file of them.', { reason: 'LABELS_INVALID' });
    if (request.labels.length > MOST_LISTED) throw RpcError.invalid(`At most ${MOST_LISTED} labels at once; more go in a file.`, { reason: 'LABELS_INVALID' });
    const given = request.artifact === '' ? [LabelSource.ofList(request.labels)] : this.source.ofFile(workspaceId, request);
    const reading = new LabelReading(set, new Date());
    let stored = 0;
    for await (const batch of given) {
      const labels = reading.read(batch);
      const known = await this.source.customersOf(workspaceId, [...new Set(labels.map(({ userId }) => userId))]);
      stored += await this.repository.put(workspaceId, set.id, reading.withoutUnknown(labels, new Set(known.keys())));
    }
    return { labelSet: toLabelSet(await this.found(workspaceId, set.id)), stored, leftOut: reading.leftOut, problems: reading.problems };
  }

  async ofPerson(workspaceId: string, userIds: readonly string[]): Promise<label.PersonLabel[]> {
    return (await this.repository.ofUsers(workspaceId, userIds)).map(toPersonLabel);
  }

  forget(workspaceId: string, userIds: readonly string[]): Promise<number> {
    return this.repository.forget(workspaceId, userIds);
  }

  /** Throws LABEL_SET_UNKNOWN. */
  async found(workspaceId: string, id: string): Promise<LabelSetRow> {
    const [row] = UUID.test(id) ? await this.repository.get(workspaceId, [id]) : [];
    if (row) return row;
    throw RpcError.notFound(`There is no label set ${id}.`, { reason: 'LABEL_SET_UNKNOWN' });
  }
}
