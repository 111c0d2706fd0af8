import { Inject, Injectable } from '@nestjs/common';

import type { WorkspacePrincipal } from '#libs/auth';
import type { training } from '#libs/contracts';
import { cutPage, expectFewIds, rowsOf, RpcError } from '#libs/grpc';
import { SERVICE, type ServiceContext } from '#libs/service';

import { cursorOf, UUID } from '../page.js';
import { actorOf } from '../run/run.mapper.js';
import { judge, PeerFailure } from '../step/failure.js';
import type { TrainingConfig } from '../training.config.js';
import { type Activation, ModelActivation } from './model.activation.js';
import { judgeCandidate } from './model.gate.js';
import { toModel } from './model.mapper.js';
import { BY_POLICY, type ModelRow, ModelRepository, type NewModel, type PromotionRow } from './model.repository.js';

/** Nobody waits for a promotion by policy: the served model goes on as it is meanwhile. A person waits, and so does whoever has no model yet. */
const CATCH_UP_SECONDS = 300;
const CATCH_UP_SECONDS_WAITED_FOR = 20;

/** Models: judged once, promoted by policy or by a person, rolled back. */
@Injectable()
export class ModelService {
  private readonly settling = new Map<string, Promise<void>>();
  /** By workspace and fence: what a person waits for is open work too, and a model is brought in once. */
  private readonly underWay = new Map<string, Promise<ModelRow | undefined>>();

  constructor(
    private readonly repository: ModelRepository,
    private readonly activation: ModelActivation,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  async get(workspaceId: string, { ids, champion }: training.GetModelsRequest): Promise<training.Model[]> {
    expectFewIds(ids);
    const known = ids.filter((id) => UUID.test(id));
    return (await this.repository.get(workspaceId, known, champion)).map(toModel);
  }

  async list(workspaceId: string, { page }: training.ListModelsRequest): Promise<training.ListModelsResponse> {
    const first = rowsOf(page);
    const after = cursorOf(page, /^\d{1,9}$/);
    const [rows, total] = await this.repository.list(workspaceId, { first, before: after === undefined ? undefined : Number(after) });
    const { rows: models, pageInfo } = cutPage(rows, first, total, (row) => String(row.version));
    return { models: models.map(toModel), pageInfo };
  }

  /**
   * Does what is left to do for a model: the gate, and the promotion that it or a person began. Called when a
   * run has made it, and again by the reconciler until nothing is left.
   */
  settle(workspaceId: string, modelId: string): Promise<void> {
    const settling = this.settling.get(modelId);
    if (settling) return settling;
    const settled = this.judgeAndPromote(workspaceId, modelId).finally(() => this.settling.delete(modelId));
    this.settling.set(modelId, settled);
    return settled;
  }

  /** By a person. Throws MODEL_UNKNOWN, ALREADY_CHAMPION. */
  async promote({ workspaceId, actor }: WorkspacePrincipal, id: string, isRollback = false): Promise<training.Model> {
    const promotion = UUID.test(id) ? await this.repository.promote(workspaceId, id, { requestedBy: actorOf(actor), isRollback }) : undefined;
    if (promotion === undefined) throw RpcError.notFound(`There is no model ${id}.`, { reason: 'MODEL_UNKNOWN' });
    if (promotion === null) throw RpcError.precondition('This model is the champion already.', { reason: 'ALREADY_CHAMPION' });
    const model = await this.carryOut(promotion);
    if (model) return toModel(model);
    throw RpcError.precondition('Another promotion overtook this one.', { reason: 'OVERTAKEN' });
  }

  /** Throws NO_FORMER_CHAMPION. */
  async rollback(principal: WorkspacePrincipal): Promise<training.Model> {
    const former = await this.repository.formerChampion(principal.workspaceId);
    if (former !== undefined) return this.promote(principal, former, true);
    throw RpcError.precondition('There was no champion before this one.', { reason: 'NO_FORMER_CHAMPION' });
  }

  private async judgeAndPromote(workspaceId: string, modelId: string): Promise<void> {
    const promotion = await this.repository.judge(workspaceId, modelId, judgeCandidate, ({ state }, champion) => {
      // The first sane model goes live by itself, whatever the policy: until then there is nothing to look at.
      return state === 'APPROVED' && (champion === null || this.service.config.PROMOTION === 'AUTOMATIC');
    });
    if (promotion) await this.carryOut(promotion);
  }

  private carryOut(promotion: PromotionRow): Promise<ModelRow | undefined> {
    const key = `${promotion.workspaceId}/${promotion.fence}`;
    const underWay = this.underWay.get(key);
    if (underWay) return underWay;
    const carriedOut = this.switchAndComplete(promotion).finally(() => this.underWay.delete(key));
    this.underWay.set(key, carriedOut);
    return carriedOut;
  }

  /** Serving switches first; if this process ends before it is written down, the reconciler comes by here again. */
  private async switchAndComplete(promotion: PromotionRow): Promise<ModelRow | undefined> {
    const { workspaceId, modelId } = promotion;
    const [model] = await this.repository.get(workspaceId, [modelId], false);
    if (!model) return undefined;
    const activation = await this.switchTo(promotion, model);
    if (activation === 'STALE') {
      await this.repository.supersede(promotion);
      return undefined;
    }
    this.service.log.info({ modelId, version: model.version, moved: activation.moved }, 'promoted');
    return this.repository.complete(promotion, activation.activatedAt, activation.moved);
  }

  /** A promotion that serving refuses for good (files that are gone or changed) is over; another failure passes. */
  private async switchTo(promotion: PromotionRow, model: ModelRow): Promise<Activation | 'STALE'> {
    const { workspaceId, modelId, fence } = promotion;
    try {
      await this.activation.prepareShadow(workspaceId, model as ModelRow & NewModel, { catchUpSeconds: catchUpSecondsOf(promotion) });
      return await this.activation.activate(workspaceId, modelId, fence);
    } catch (error) {
      if (judge(error).kind === 'END') await this.repository.supersede(promotion);
      throw error instanceof PeerFailure ? error.error : error;
    }
  }
}

/** For how long a model may take in what came since its snapshot before everyone is switched to it; whoever goes back wants to be rid of a model at once. */
function catchUpSecondsOf({ isRollback, requestedBy, formerModelId }: PromotionRow): number {
  if (isRollback) return 0;
  return requestedBy === BY_POLICY && formerModelId !== null ? CATCH_UP_SECONDS : CATCH_UP_SECONDS_WAITED_FOR;
}
