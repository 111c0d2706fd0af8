import { fileName } from '../download/download.name.js';
import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { invalidArgument } from '../graphql/error.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { orNull, present } from '../graphql/present.js';
import { modelNovelty } from '../unusual/unusual.resolver.js';
import { ModelState } from '../graphql/message.js';
import { listSegmentsOfModel } from '../segment/segment.list.js';

const WHY_NOT = {
  NOT_FOUND: 'NotFound',
  ALREADY_CHAMPION: 'AlreadyChampion',
  NO_FORMER_CHAMPION: 'NoFormerChampion',
  FAILED_PRECONDITION: 'ModelNotPromotable',
} as const;

export const modelQueries = {
  model: async (_root, { id, champion }, { rpc, loaders }) => {
    if (id) {
      const own = localId('Model', id);
      return own === undefined ? null : loaders.model.load(own);
    }
    if (champion !== true) throw invalidArgument('Give an id, or champion: true.');
    const { models } = await rpc.models.getModels({ ids: [], champion: true });
    return models.find(({ state }) => state === ModelState.CHAMPION);
  },
  models: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { models, pageInfo } = await rpc.models.listModels({ page });
      return { rows: models, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const modelMutations = {
  promoteModel: (_root, args, { rpc }) => {
    const id = localId('Model', args.id);
    if (id === undefined) return notFound('MODEL_UNKNOWN', 'There is no such model.');
    return expecting(WHY_NOT, async () => present((await rpc.models.promoteModel({ id }, PATIENTLY)).model, 'model'));
  },
  rollbackModel: (_root, _args, { rpc }) => expecting(WHY_NOT, async () => present((await rpc.models.rollbackModel({}, PATIENTLY)).model, 'model')),
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

/** A promotion may have to load everyone's memberships first. */
const PATIENTLY = { deadline: 60_000 };

export const modelTypes: ResolversOf<'Model' | 'Evaluation' | 'Measure' | 'DataProfile' | 'PropertyQuality' | 'PromoteModelResult'> = {
  Model: {
    ...modelNovelty,
    id: ({ id }) => globalId('Model', id),
    run: ({ runId }, _args, { loaders }) => (runId === '' ? null : loaders.run.load(runId)),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    verdict: ({ verdict }) => orNull(verdict),
    artefacts: ({ uri }) => uri,
    report: async ({ runId, version }, _args, { caller, artifacts, downloads }) => {
      // Where the worker left it (training's `files.ts`); another workspace's is never named.
      const path = [caller.workspaceId, 'models', runId, 'report.html'].join('/');
      return runId !== '' && (await artifacts.exists(path)) ? downloads.make(path, fileName(`evaluation of model ${version}`, path, 'report')) : null;
    },
    segments: ({ id }, args, { reads }) => listSegmentsOfModel(reads, args, id),
    evaluation: (model) => model,
    profile: ({ id }, _args, { reads }) => reads.dataProfile(id),
  },
  DataProfile: {
    valueProperty: ({ valueProperty }) => orNull(valueProperty),
    begunAnewBecause: ({ begunAnewBecause }) => orNull(begunAnewBecause),
  },
  PropertyQuality: {
    reason: ({ reason }) => orNull(reason),
  },
  Evaluation: {
    model: (model) => model,
    population: ({ customers }) => customers,
    sample: ({ evaluationSample }) => evaluationSample ?? null,
    asOf: ({ createdAt }) => present(createdAt, 'createdAt'),
    measures: ({ measures }, { name, subject }) =>
      measures.filter((measure) => (!name || measure.name === name) && (!subject || measure.subject === subject)),
  },
  Measure: {
    isBaseline: ({ baseline }) => baseline,
  },
  PromoteModelResult: outcomeOf('Model'),
};
