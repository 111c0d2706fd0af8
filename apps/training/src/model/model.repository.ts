import { Inject, Injectable } from '@nestjs/common';

import { type Database, Prisma, type schema, type Transaction } from '#libs/database';

import { renewHeads } from '../head/head.renewal.js';
import { DATABASE } from '../store.js';
import type { Candidate, Verdict } from './model.gate.js';
import { modelTransition } from './model.states.js';
import { worker } from '#libs/contracts';

export type ModelRow = schema.TrainedModel;
export type PromotionRow = schema.Promotion;

/** A model as a run hands it over. */
export type NewModel = Omit<Prisma.TrainedModelUncheckedCreateInput, 'workspaceId' | 'version' | 'state' | 'verdict' | 'createdAt' | 'promotedAt'> & {
  segments: Prisma.InputJsonObject[];
  retiredChampionIndexes: number[];
  positionHorizon: bigint;
  positionSequence: bigint;
};

/** Who promotes where no person does. */
export const BY_POLICY = 'service:training';

/** Who promotes, and whether it goes back. */
export interface PromotionRequest {
  requestedBy: string;
  isRollback: boolean;
}

/** Rows of models and promotions. */
@Injectable()
export class ModelRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** A candidate, and the note that it is to be judged. */
  async create(transaction: Transaction, workspaceId: string, model: NewModel): Promise<void> {
    const { _max } = await transaction.trainedModel.aggregate({ where: { workspaceId }, _max: { version: true } });
    await transaction.trainedModel.create({
      data: { workspaceId, ...model, version: (_max.version ?? 0) + 1, state: 'CANDIDATE', verdict: '', createdAt: new Date() },
    });
    await transaction.openWork.create({ data: { workspaceId, kind: 'MODEL', id: model.id } });
  }

  get(workspaceId: string, ids: readonly string[], withChampion: boolean): Promise<ModelRow[]> {
    const named: Prisma.TrainedModelWhereInput[] = [{ id: { in: [...ids] } }];
    if (withChampion) named.push({ state: 'CHAMPION' });
    return this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.trainedModel.findMany({ where: { workspaceId, OR: named }, orderBy: { version: 'desc' } }),
    );
  }

  list(workspaceId: string, page: { first: number; before: number | undefined }): Promise<[ModelRow[], number]> {
    return this.database.inWorkspace(workspaceId, async (transaction) => [
      await transaction.trainedModel.findMany({
        where: page.before === undefined ? { workspaceId } : { workspaceId, version: { lt: page.before } },
        orderBy: { version: 'desc' },
        take: page.first + 1,
      }),
      await transaction.trainedModel.count({ where: { workspaceId } }),
    ]);
  }

  /**
   * Puts a candidate before the gate, once, and notes its promotion where `isPromoted` says so.
   * Answers the promotion that is to be carried out, if there is one.
   */
  judge(
    workspaceId: string,
    id: string,
    gate: (candidate: Candidate) => Verdict,
    isPromoted: (verdict: Verdict, champion: ModelRow | null) => boolean,
  ): Promise<PromotionRow | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await lockPromotions(transaction, workspaceId);
      const key = { workspaceId_id: { workspaceId, id } };
      const model = await transaction.trainedModel.findUnique({ where: key });
      if (model?.state === 'CANDIDATE') {
        const run = await transaction.run.findUniqueOrThrow({ where: { workspaceId_id: { workspaceId, id: model.runId } } });
        const champion = await transaction.trainedModel.findFirst({ where: { workspaceId, state: 'CHAMPION' } });
        const verdict = gate(candidateOf(model, run, champion));
        await transaction.trainedModel.update({ where: key, data: { state: modelTransition(model.state, verdict.state), verdict: verdict.sentence } });
        if (isPromoted(verdict, champion)) return addPromotion(transaction, model, champion, { requestedBy: BY_POLICY, isRollback: false });
      }
      const pending = await transaction.promotion.findFirst({ where: { workspaceId, modelId: id, state: 'PENDING' } });
      if (pending) return pending;
      await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'MODEL', id } });
      return undefined;
    });
  }

  /** Notes that a model is to become champion. Undefined: no such model; null: it is champion already. */
  promote(workspaceId: string, id: string, request: PromotionRequest): Promise<PromotionRow | null | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await lockPromotions(transaction, workspaceId);
      const model = await transaction.trainedModel.findUnique({ where: { workspaceId_id: { workspaceId, id } } });
      if (!model) return undefined;
      if (model.state === 'CHAMPION') return null;
      const champion = await transaction.trainedModel.findFirst({ where: { workspaceId, state: 'CHAMPION' } });
      return addPromotion(transaction, model, champion, request);
    });
  }

  /** The model that was champion before the present one, as promotions and rollbacks undid each other. */
  async formerChampion(workspaceId: string): Promise<string | undefined> {
    const done = await this.database.inWorkspace(workspaceId, (transaction) =>
      transaction.promotion.findMany({ where: { workspaceId, state: 'DONE' }, orderBy: { fence: 'asc' } }),
    );
    const champions: string[] = [];
    for (const { modelId, isRollback } of done) {
      if (isRollback) champions.pop();
      else champions.push(modelId);
    }
    return champions.at(-2);
  }

  /** Writes down that serving has switched: champion and retired change together. */
  complete(promotion: PromotionRow, activatedAt: Date, moved: number): Promise<ModelRow> {
    const { workspaceId, fence, modelId } = promotion;
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await lockPromotions(transaction, workspaceId);
      const model = await transaction.trainedModel.findUniqueOrThrow({ where: { workspaceId_id: { workspaceId, id: modelId } } });
      const { count } = await transaction.promotion.updateMany({
        where: { workspaceId, fence, state: 'PENDING' },
        data: { state: 'DONE', activatedAt, moved: BigInt(moved) },
      });
      if (count === 0) return model;
      const former = await transaction.trainedModel.findFirst({ where: { workspaceId, state: 'CHAMPION', id: { not: modelId } } });
      if (former) await setState(transaction, former, { state: modelTransition(former.state, 'RETIRED') });
      await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'MODEL', id: modelId } });
      if (model.state === 'CHAMPION') return model;
      const champion = await setState(transaction, model, { state: modelTransition(model.state, 'CHAMPION'), promotedAt: activatedAt });
      await renewHeads(transaction, workspaceId);
      return champion;
    });
  }

  /** Serving has seen a later promotion than this one: it will never be carried out. */
  async supersede({ workspaceId, fence, modelId }: PromotionRow): Promise<void> {
    await this.database.inWorkspace(workspaceId, async (transaction) => {
      await transaction.promotion.updateMany({ where: { workspaceId, fence, state: 'PENDING' }, data: { state: 'SUPERSEDED' } });
      await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'MODEL', id: modelId } });
    });
  }
}

/** Promotions of a workspace one after another: the fence grows without holes or twins. */
async function lockPromotions(transaction: Transaction, workspaceId: string): Promise<void> {
  await transaction.$queryRaw`select 1 from (select pg_advisory_xact_lock(hashtextextended(${`promotion ${workspaceId}`}, 0))) as locked`;
}

async function addPromotion(transaction: Transaction, model: ModelRow, champion: ModelRow | null, request: PromotionRequest): Promise<PromotionRow> {
  const { workspaceId, id: modelId } = model;
  const { _max } = await transaction.promotion.aggregate({ where: { workspaceId }, _max: { fence: true } });
  const overtaken = await transaction.promotion.findMany({ where: { workspaceId, state: 'PENDING' } });
  await transaction.promotion.updateMany({ where: { workspaceId, state: 'PENDING' }, data: { state: 'SUPERSEDED' } });
  await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'MODEL', id: { in: overtaken.map((promotion) => promotion.modelId) } } });
  const work = { workspaceId, kind: 'MODEL' as const, id: modelId };
  await transaction.openWork.upsert({ where: { workspaceId_kind_id: work }, create: work, update: {} });
  return transaction.promotion.create({
    data: { workspaceId, fence: (_max.fence ?? 0) + 1, modelId, formerModelId: champion?.id ?? null, ...request, state: 'PENDING', createdAt: new Date() },
  });
}

function setState(transaction: Transaction, { workspaceId, id }: ModelRow, data: Prisma.TrainedModelUpdateInput): Promise<ModelRow> {
  return transaction.trainedModel.update({ where: { workspaceId_id: { workspaceId, id } }, data });
}

function candidateOf(model: ModelRow, run: schema.Run, champion: ModelRow | null): Candidate {
  return {
    measures: measuresOf(model),
    segments: (model.segments as unknown[]).map((segment) => worker.DiscoveredSegment.fromJSON(segment)),
    customers: Number(run.customers),
    placed: Number(model.customers),
    championMeasures: champion === null ? [] : measuresOf(champion),
  };
}

const measuresOf = ({ measures }: ModelRow): worker.Measure[] => (measures as unknown[]).map((measure) => worker.Measure.fromJSON(measure));
