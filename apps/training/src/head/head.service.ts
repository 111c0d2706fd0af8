import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { WorkspacePrincipal } from '#libs/auth';
import { head, type label } from '#libs/contracts';
import type { Prisma } from '#libs/database';
import { cutPage, expectFewIds, rowsOfEach, RpcError } from '#libs/grpc';
import { type HeadPayload, JobQueue } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { KINDS } from '../label/label.kind.js';
import { LabelService } from '../label/label.service.js';
import { ModelRepository } from '../model/model.repository.js';
import { cursorOf, UUID } from '../page.js';
import { actorOf } from '../run/run.mapper.js';
import { toHead } from './head.mapper.js';
import { HeadRepository, type HeadRow } from './head.repository.js';
import { checkedHeadSpec } from './head-spec.js';

/** What can be asked of heads. */
@Injectable()
export class HeadService {
  constructor(
    private readonly repository: HeadRepository,
    private readonly sets: LabelService,
    private readonly models: ModelRepository,
    private readonly queue: JobQueue<HeadPayload>,
    @Inject(SERVICE) private readonly service: ServiceContext<unknown>,
  ) {}

  /** Throws SPEC_INVALID, LABEL_SET_UNKNOWN, TOO_FEW_LABELS, MODEL_UNKNOWN, NO_CHAMPION, HEAD_ACTIVE. */
  async train({ workspaceId, actor }: WorkspacePrincipal, request: label.TrainHeadRequest): Promise<label.Head> {
    const asked = checkedHeadSpec(request.spec);
    const set = await this.sets.found(workspaceId, request.labelSetId);
    const { task, lack } = KINDS[set.kind];
    const lacking = lack(set);
    if (lacking !== undefined) throw RpcError.precondition(lacking, { reason: 'TOO_FEW_LABELS' });
    const spec = { ...asked, task };
    const modelId = await this.modelOf(workspaceId, request.modelId);
    const followsChampion = request.modelId === '';
    const row = await this.repository.create(workspaceId, {
      id: uuid(), labelSetId: set.id, modelId, followsChampion, requestedBy: actorOf(actor), spec: head.HeadSpec.toJSON(spec) as Prisma.InputJsonObject,
    });
    if (!row) throw await this.alreadyActive(workspaceId, set.id);
    await this.queue.enqueue({ workspaceId, headId: row.id }).catch((error: unknown) => {
      this.service.log.warn({ err: error, headId: row.id }, 'a head was not enqueued; it begins when the queue is back');
    });
    return toHead(row, false);
  }

  async get(workspaceId: string, ids: readonly string[]): Promise<label.Head[]> {
    expectFewIds(ids);
    return this.told(workspaceId, await this.repository.get(workspaceId, ids.filter((id) => UUID.test(id))));
  }

  /** A page of each label set. */
  async listOfLabelSets(workspaceId: string, { labelSetIds, page, withTotal }: label.ListHeadsOfLabelSetsRequest): Promise<label.ListHeadsOfLabelSetsResponse> {
    const first = rowsOfEach(labelSetIds, page);
    const ids = [...new Set(labelSetIds.filter((id) => UUID.test(id)))];
    const { rows, totals } = await this.repository.listOfLabelSets(workspaceId, ids, { first, after: cursorOf(page, UUID) }, withTotal);
    const bySet = Map.groupBy(await this.told(workspaceId, rows), ({ labelSetId }) => labelSetId);
    return {
      labelSets: labelSetIds.map((labelSetId) => {
        const { rows: heads, pageInfo } = cutPage(bySet.get(labelSetId) ?? [], first, totals.get(labelSetId) ?? 0, ({ id }) => id);
        return { labelSetId, heads, pageInfo };
      }),
    };
  }

  /** Throws HEAD_UNKNOWN, HEAD_ENDED. */
  async cancel(workspaceId: string, id: string): Promise<label.Head> {
    const [known] = UUID.test(id) ? await this.repository.get(workspaceId, [id]) : [];
    if (!known) throw RpcError.notFound(`There is no head ${id}.`, { reason: 'HEAD_UNKNOWN' });
    const row = await this.repository.cancel(workspaceId, id);
    if (!row) throw RpcError.precondition('This head has ended already.', { reason: 'HEAD_ENDED' });
    return toHead(row, false);
  }

  private async told(workspaceId: string, rows: readonly HeadRow[]): Promise<label.Head[]> {
    const served = await this.repository.served(workspaceId, [...new Set(rows.map(({ labelSetId }) => labelSetId))]);
    return rows.map((row) => toHead(row, served.has(row.id)));
  }

  private async modelOf(workspaceId: string, id: string): Promise<string> {
    const isNamed = id !== '';
    if (isNamed && !UUID.test(id)) throw modelUnknown(id);
    const models = await this.models.get(workspaceId, isNamed ? [id] : [], !isNamed);
    const model = isNamed ? models.find((one) => one.id === id) : models[0];
    if (model) return model.id;
    throw isNamed ? modelUnknown(id) : RpcError.precondition('There is no champion yet to learn on: train a model first.', { reason: 'NO_CHAMPION' });
  }

  private async alreadyActive(workspaceId: string, labelSetId: string): Promise<RpcError> {
    const active = await this.repository.active(workspaceId, labelSetId);
    return RpcError.precondition('A head of this label set is being trained. Wait for it, or cancel it.', { reason: 'HEAD_ACTIVE', metadata: { headId: active?.id ?? '' } });
  }
}

const modelUnknown = (id: string): RpcError => RpcError.notFound(`There is no model ${id}.`, { reason: 'MODEL_UNKNOWN' });
