import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { countOrNull, orNull, present } from '../graphql/present.js';
import { type TrainingRun, TrainingRunState, TrainingRunTrigger } from '../graphql/message.js';
import { RpcError } from '#libs/grpc';
import { follow } from '../subscription/follow.js';
import { toTrainingSpec } from './run.mapper.js';

export const runQueries = {
  trainingRun: (_root, args, { loaders }) => {
    const id = localId('TrainingRun', args.id);
    return id === undefined ? null : loaders.run.load(id);
  },
  trainingRuns: (_root, { state, ...paging }, { rpc }) =>
    readConnection(paging, async (page) => {
      const { runs, pageInfo } = await rpc.runs.listRuns({ page, state: state ?? TrainingRunState.UNSPECIFIED });
      return { rows: runs, pageInfo };
    }),
  trainingSpecChoices: async (_root, _args, { rpc }) => present((await rpc.runs.getSpecChoices({})).choices, 'choices'),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const runMutations = {
  startTrainingRun: (_root, { input }, { rpc }) =>
    expecting({ RUN_ACTIVE: 'RunActive', SPEC_INVALID: 'SpecInvalid' }, async () => {
      const { run } = await rpc.runs.startRun({ spec: toTrainingSpec(input ?? {}), trigger: TrainingRunTrigger.PERSON });
      return present(run, 'run');
    }),
  cancelTrainingRun: (_root, args, { rpc }) => {
    const id = localId('TrainingRun', args.id);
    if (id === undefined) return notFound('RUN_UNKNOWN', 'There is no such run.');
    return expecting({ NOT_FOUND: 'NotFound', RUN_ENDED: 'RunEnded' }, async () => present((await rpc.runs.cancelRun({ id })).run, 'run'));
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const runSubscriptions = {
  trainingRunUpdated: {
    subscribe: (_root, args, context) => {
      const id = localId('TrainingRun', args.id);
      if (id === undefined) throw RpcError.notFound('There is no such run.', { reason: 'RUN_UNKNOWN' });
      return follow<TrainingRun>(context, async function* open({ runs }, signal) {
        for await (const { run } of runs.watchRun({ id }, { signal })) {
          if (run) yield run;
        }
      });
    },
    resolve: (run: TrainingRun) => run,
  },
} satisfies Partial<ResolversOf<'Subscription'>['Subscription']>;

export const runTypes: ResolversOf<'TrainingRun' | 'TrainingSpec' | 'StartTrainingRunResult' | 'CancelTrainingRunResult' | 'RunActive' | 'SpecInvalid'> = {
  TrainingRun: {
    id: ({ id }) => globalId('TrainingRun', id),
    spec: ({ spec }) => present(spec, 'spec'),
    step: ({ step }) => orNull(step),
    rate: ({ rate }) => countOrNull(rate),
    rateUnit: ({ rateUnit }) => orNull(rateUnit),
    remainingSeconds: ({ remainingSeconds }) => countOrNull(remainingSeconds),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    metrics: async (run, { names }, { reads }) => {
      // Runs come without curves, but for those that are followed: they are fetched for who asks.
      const metrics = run.metrics.length > 0 ? run.metrics : await reads.runMetrics(run.id);
      return names ? metrics.filter(({ name }) => names.includes(name)) : metrics;
    },
    events: ({ events }) => countOrNull(events),
    customers: ({ customers }) => countOrNull(customers),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
  },
  TrainingSpec: {
    encoder: ({ encoder }) => orNull(encoder),
    width: ({ width }) => countOrNull(width),
    epochs: ({ epochs }) => countOrNull(epochs),
    batchSize: ({ batchSize }) => countOrNull(batchSize),
    learningRate: ({ learningRate }) => countOrNull(learningRate),
    segmentCount: ({ segmentCount }) => countOrNull(segmentCount),
    sampleFraction: ({ sampleFraction }) => countOrNull(sampleFraction),
    valueProperty: ({ valueProperty }) => orNull(valueProperty),
    itemField: ({ itemField }) => orNull(itemField),
    precision: ({ precision }) => orNull(precision),
    continuedLearningRate: ({ continuedLearningRate }) => countOrNull(continuedLearningRate),
    reads: ({ reads }) => countOrNull(reads),
  },
  StartTrainingRunResult: outcomeOf('TrainingRun'),
  CancelTrainingRunResult: outcomeOf('TrainingRun'),
  RunActive: {
    run: ({ facts }, _args, { loaders }) => (facts['runId'] === undefined ? null : loaders.run.load(facts['runId'])),
  },
  SpecInvalid: {
    field: ({ facts }) => facts['field'],
  },
};
