import type { ResolversOf } from '../graphql/complete.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import type { Loaders } from '../graphql/loaders.js';
import { countOrNull, orNull, present } from '../graphql/present.js';
import { HeadEncoder, HeadTask, type LabelPrediction } from '../graphql/message.js';

const WHY_NOT = {
  NOT_FOUND: 'NotFound', HEAD_ACTIVE: 'HeadActive', TOO_FEW_LABELS: 'HeadRefused', NO_CHAMPION: 'HeadRefused', SPEC_INVALID: 'HeadRefused',
} as const;

export const headQueries = {
  labelHead: (_root, args, { loaders }) => {
    const id = localId('LabelHead', args.id);
    return id === undefined ? null : loaders.labelHead.load(id);
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const headMutations = {
  trainHead: (_root, { input }, { rpc }) => {
    const labelSetId = localId('LabelSet', input.labelSetId);
    if (labelSetId === undefined) return notFound('LABEL_SET_UNKNOWN', 'There is no such label set.');
    const modelId = input.modelId ? localId('Model', input.modelId) : '';
    if (modelId === undefined) return notFound('MODEL_UNKNOWN', 'There is no such model.');
    const spec = { encoder: input.encoder ?? HeadEncoder.FROZEN, seed: input.seed ?? 0, learningRate: input.learningRate ?? 0, epochs: input.epochs ?? 0, task: HeadTask.UNSPECIFIED };
    return expecting(WHY_NOT, async () => present((await rpc.heads.trainHead({ labelSetId, modelId, spec })).head, 'head'));
  },
  cancelHead: (_root, args, { rpc }) => {
    const id = localId('LabelHead', args.id);
    if (id === undefined) return notFound('HEAD_UNKNOWN', 'There is no such head.');
    return expecting({ NOT_FOUND: 'NotFound', HEAD_ENDED: 'HeadEnded' }, async () => present((await rpc.heads.cancelHead({ id })).head, 'head'));
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

type CustomerResolvers = ResolversOf<'Customer'>['Customer'];

/** What labels say of a customer who has none: of yes or no, and numbers. */
export const customerPredictions: Pick<CustomerResolvers, 'predictions' | 'numberPredictions'> = {
  predictions: async ({ id }, _args, { loaders }) => (await predictionsOf(id, loaders)).filter(({ number }) => number === undefined),
  numberPredictions: async ({ id }, _args, { loaders }) => (await predictionsOf(id, loaders)).flatMap(({ number, ...said }) => (number ? [{ ...said, number }] : [])),
};

async function predictionsOf(customerId: string, loaders: Loaders): Promise<LabelPrediction[]> {
  const said = await loaders.prediction.load(customerId);
  // One whose label set was removed a moment ago is no prediction any more.
  const sets = await Promise.all(said.map(({ labelSetId }) => loaders.labelSet.load(labelSetId)));
  return said.filter((_, index) => sets[index] !== undefined);
}

const ofPrediction = {
  labelSet: async ({ labelSetId }, _args, { loaders }) => present(await loaders.labelSet.load(labelSetId), 'a prediction’s label set'),
  head: async ({ headId }, _args, { loaders }) => present(await loaders.labelHead.load(headId), 'a prediction’s head'),
  asOf: ({ asOf }) => present(asOf, 'asOf'),
  isLive: ({ live }) => live,
} satisfies ResolversOf<'LabelPrediction'>['LabelPrediction'];

type HeadTypes =
  | 'LabelHead' | 'HeadEvaluation' | 'HeadStanding' | 'NumberEvaluation' | 'NumberStanding' | 'LabelPrediction' | 'NumberPrediction' | 'HeadActive' | 'TrainHeadResult' | 'CancelHeadResult';

export const headTypes: ResolversOf<HeadTypes> = {
  LabelHead: {
    id: ({ id }) => globalId('LabelHead', id),
    labelSet: async ({ labelSetId }, _args, { loaders }) => present(await loaders.labelSet.load(labelSetId), 'a head’s label set'),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
    encoder: ({ spec }) => spec?.encoder ?? HeadEncoder.FROZEN,
    seed: ({ spec }) => spec?.seed ?? 0,
    step: ({ step }) => orNull(step),
    remainingSeconds: ({ remainingSeconds }) => countOrNull(remainingSeconds),
    error: ({ error }) => orNull(error),
    isServed: ({ served }) => served,
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
  },
  HeadEvaluation: {
    bestRival: ({ bestRival }) => orNull(bestRival),
  },
  HeadStanding: {
    isRival: ({ baseline }) => baseline,
  },
  NumberEvaluation: {
    bestRival: ({ bestRival }) => orNull(bestRival),
  },
  NumberStanding: {
    isRival: ({ baseline }) => baseline,
  },
  LabelPrediction: ofPrediction,
  NumberPrediction: {
    ...ofPrediction,
    number: ({ number }) => number.number,
    low: ({ number }) => number.low,
    high: ({ number }) => number.high,
  },
  HeadActive: {
    head: ({ facts }, _args, { loaders }) => (facts['headId'] ? loaders.labelHead.load(facts['headId']) : null),
  },
  TrainHeadResult: outcomeOf('LabelHead'),
  CancelHeadResult: outcomeOf('LabelHead'),
};
