import { Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js';

import { forgetting, label, prediction, serving, training } from '#libs/contracts';
import type { Position } from '#libs/database';

export interface PeersStandIn {
  readonly address: string;
  /** Customers that serving was told to forget, call by call. */
  readonly forgotten: string[][];
  /** Customers that serving was told to take out of exports, call by call. */
  readonly takenOut: string[][];
  /** What training knows of users beside events. */
  readonly labels: label.PersonLabel[];
  /** Positions of training's models, by id. */
  readonly models: Map<string, Position>;
  /** Training's newest run. */
  run: training.Run | undefined;
  /** While true, serving does not answer. */
  isAway: boolean;
  close(): void;
}

/** What heads say of everybody: of yes or no, and a number. */
const SAID = [{ labelSetId: 'l1', headId: 'h1', probability: 0.25 }, { labelSetId: 'l2', headId: 'h2', number: { number: 12.5, low: 10, high: 20 } }];

type Done<Answer> = (error: Partial<Error> | null, answer?: Answer) => void;

/** Serving and training as answering people's requests sees them. */
export async function startPeersStandIn(): Promise<PeersStandIn> {
  const server = new Server();
  const peers = { forgotten: [] as string[][], takenOut: [] as string[][], labels: [] as label.PersonLabel[], models: new Map<string, Position>(), run: undefined as training.Run | undefined, isAway: false };
  const add = (definition: object, handlers: object) => server.addService(definition as Parameters<Server['addService']>[0], handlers as Parameters<Server['addService']>[1]);
  const nothing = (_: unknown, done: Done<object>) => done(new Error('not asked for here'));
  const rest = (definition: object) => Object.fromEntries(Object.keys(definition).map((name) => [name, nothing]));
  add(forgetting.ForgettingServiceService, {
    forgetCustomers: ({ request }: ServerUnaryCall<forgetting.ForgetCustomersRequest, unknown>, done: Done<forgetting.ForgetCustomersResponse>) => {
      if (peers.isAway) return done(new Error('away'));
      peers.forgotten.push(request.customerIds);
      done(null, { tables: [{ table: 'serving.memberships', rows: 3 }] });
    },
    forgetExported: ({ request }: ServerUnaryCall<forgetting.ForgetExportedRequest, unknown>, done: Done<forgetting.ForgetExportedResponse>) => {
      if (peers.isAway) return done(new Error('away'));
      peers.takenOut.push(request.customerIds);
      done(null, { tables: [{ table: 'serving.exports (rows)', rows: 2 }] });
    },
  });
  add(serving.MembershipServiceService, {
    ...rest(serving.MembershipServiceService),
    getCustomerMemberships: ({ request }: ServerUnaryCall<serving.GetCustomerMembershipsRequest, unknown>, done: Done<object>) =>
      done(null, serving.GetCustomerMembershipsResponse.fromPartial({ customers: request.customerIds.map((customerId) => ({ customerId, memberships: [{ segmentId: 's1', strength: 0.5 }] })) })),
    listMembershipChanges: (_: unknown, done: Done<object>) =>
      done(null, serving.ListMembershipChangesResponse.fromPartial({ changes: [{ toSegmentId: 's1', strength: 0.5, at: '2026-01-02T00:00:00.000Z' }] })),
  });
  add(serving.SegmentServiceService, {
    ...rest(serving.SegmentServiceService),
    getSegments: (_: unknown, done: Done<object>) => done(null, serving.GetSegmentsResponse.fromPartial({ segments: [{ id: 's1', name: 'Regulars' }] })),
  });
  add(training.ModelServiceService, {
    ...rest(training.ModelServiceService),
    listModels: (_: unknown, done: Done<object>) =>
      done(null, training.ListModelsResponse.fromPartial({ models: [...peers.models].map(([id, position]) => ({ id, position })) })),
  });
  add(training.RunServiceService, {
    ...rest(training.RunServiceService),
    listRuns: (_: unknown, done: Done<object>) => done(null, training.ListRunsResponse.fromPartial({ runs: peers.run ? [peers.run] : [] })),
  });
  add(label.LabelServiceService, {
    ...rest(label.LabelServiceService),
    getLabelSets: (_: unknown, done: Done<object>) => done(null, label.GetLabelSetsResponse.fromPartial({ labelSets: [{ id: 'l1', name: 'Complained' }, { id: 'l2', name: 'Spent' }] })),
    getPersonLabels: ({ request }: ServerUnaryCall<label.GetPersonLabelsRequest, unknown>, done: Done<object>) =>
      done(null, { labels: peers.labels.filter(({ userId }) => request.userIds.includes(userId)) }),
    forgetLabels: ({ request }: ServerUnaryCall<label.ForgetLabelsRequest, unknown>, done: Done<object>) => {
      const kept = peers.labels.filter(({ userId }) => !request.userIds.includes(userId));
      const labels = peers.labels.length - kept.length;
      peers.labels.splice(0, peers.labels.length, ...kept);
      done(null, { labels });
    },
  });
  add(prediction.PredictionServiceService, {
    ...rest(prediction.PredictionServiceService),
    getPredictions: ({ request }: ServerUnaryCall<prediction.GetPredictionsRequest, unknown>, done: Done<object>) =>
      done(null, prediction.GetPredictionsResponse.fromPartial({ customers: request.customerIds.map((customerId) => ({ customerId, predictions: SAID })) })),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return Object.assign(peers, { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() });
}
