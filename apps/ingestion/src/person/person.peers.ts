import type { OnApplicationShutdown } from '@nestjs/common';

import type { PrincipalSigner } from '#libs/auth';
import { forgetting, label, prediction, serving, training } from '#libs/contracts';
import { type Position, positionAfter } from '#libs/database';
import { connect, type RpcClient } from '#libs/grpc';

import type { TableRows } from './person.repository.js';

/** Where a person is a member. */
export interface KnownMembership {
  readonly segmentId: string;
  readonly segment: string;
  readonly strength: number;
  readonly since: string;
}

/** When a person came into a segment, or left one. */
export interface KnownChange {
  /** Names; null where there was or is none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly strength: number;
  readonly at: string;
}

/** What somebody knew of the person. */
export interface KnownLabel {
  readonly labelSet: string;
  readonly userId: string;
  readonly value: boolean | number;
  readonly asOf: string | null;
}

/** What was concluded of the person from what was known of others: a probability, or a number with its interval. */
export type KnownPrediction = ({ readonly probability: number } | prediction.SaidNumber) & {
  readonly labelSet: string;
  readonly asOf: string;
};

const CHANGES_AT_ONCE = 100;
/** Removing a person's history may take a while. */
const PATIENTLY = { deadline: 120_000 };

/** What other services keep of people, and what they do about it. */
export class PersonPeers implements OnApplicationShutdown {
  private readonly forgettings: RpcClient<typeof forgetting.ForgettingServiceService>;
  private readonly memberships: RpcClient<typeof serving.MembershipServiceService>;
  private readonly segments: RpcClient<typeof serving.SegmentServiceService>;
  private readonly labels: RpcClient<typeof label.LabelServiceService>;
  private readonly predictions: RpcClient<typeof prediction.PredictionServiceService>;
  private readonly models: RpcClient<typeof training.ModelServiceService>;
  private readonly runs: RpcClient<typeof training.RunServiceService>;

  constructor(
    at: { readonly SERVING_ADDRESS: string; readonly TRAINING_ADDRESS: string },
    private readonly signer: PrincipalSigner,
    private readonly service: string,
  ) {
    this.forgettings = connect(forgetting.ForgettingServiceService, at.SERVING_ADDRESS);
    this.memberships = connect(serving.MembershipServiceService, at.SERVING_ADDRESS);
    this.segments = connect(serving.SegmentServiceService, at.SERVING_ADDRESS);
    this.labels = connect(label.LabelServiceService, at.TRAINING_ADDRESS);
    this.predictions = connect(prediction.PredictionServiceService, at.SERVING_ADDRESS);
    this.models = connect(training.ModelServiceService, at.TRAINING_ADDRESS);
    this.runs = connect(training.RunServiceService, at.TRAINING_ADDRESS);
  }

  /** Removes customers from serving; answers rows by table. */
  async forget(workspaceId: string, customerIds: readonly string[]): Promise<TableRows> {
    const { tables } = await this.forgettings.forgetCustomers({ customerIds: [...customerIds] }, { ...(await this.as(workspaceId)), ...PATIENTLY });
    return Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
  }

  /** Takes customers out of the files of exports; answers files by table. */
  async forgetExported(workspaceId: string, customerIds: readonly string[]): Promise<TableRows> {
    const { tables } = await this.forgettings.forgetExported({ customerIds: [...customerIds] }, { ...(await this.as(workspaceId)), ...PATIENTLY });
    return Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
  }

  /** Removes what training knows of a person beside events; answers the rows. */
  async forgetLabels(workspaceId: string, userIds: readonly string[]): Promise<number> {
    const { labels } = await this.labels.forgetLabels({ userIds: [...userIds] }, { ...(await this.as(workspaceId)), ...PATIENTLY });
    return labels;
  }

  async labelsOf(workspaceId: string, userIds: readonly string[]): Promise<KnownLabel[]> {
    const { labels } = await this.labels.getPersonLabels({ userIds: [...userIds] }, await this.as(workspaceId));
    return labels.map(({ labelSet, userId, value, number, asOf }) => ({ labelSet, userId, value: number ?? value, asOf: asOf ?? null }));
  }

  async predictionsOf(workspaceId: string, customerIds: readonly string[]): Promise<KnownPrediction[]> {
    const call = await this.as(workspaceId);
    const { customers } = await this.predictions.getPredictions({ customerIds: [...customerIds] }, call);
    const found = customers.flatMap(({ predictions }) => predictions);
    const { labelSets } = await this.labels.getLabelSets({ ids: [...new Set(found.map(({ labelSetId }) => labelSetId))] }, call);
    const nameOf = new Map(labelSets.map(({ id, name }) => [id, name]));
    return found.map(({ labelSetId, probability, number, asOf }) => ({ labelSet: nameOf.get(labelSetId) ?? '', ...(number ?? { probability }), asOf: asOf ?? '' }));
  }

  async membershipsOf(workspaceId: string, customerIds: readonly string[]): Promise<KnownMembership[]> {
    const call = await this.as(workspaceId);
    const { customers } = await this.memberships.getCustomerMemberships({ customerIds: [...customerIds] }, call);
    const found = customers.flatMap(({ memberships }) => memberships);
    const nameOf = await this.namesOf(found.map(({ segmentId }) => segmentId), call);
    return found.map(({ segmentId, strength, since }) => ({ segmentId, segment: nameOf.get(segmentId) ?? '', strength, since: since ?? '' }));
  }

  /** Newest first, page by page. */
  async *membershipChangesOf(workspaceId: string, customerIds: readonly string[]): AsyncGenerator<KnownChange[]> {
    for (const customerId of customerIds) {
      for (let after = ''; ; ) {
        const call = await this.as(workspaceId);
        const { changes, pageInfo } = await this.memberships.listMembershipChanges({ customerId, segmentId: '', page: { first: CHANGES_AT_ONCE, after } }, call);
        const nameOf = await this.namesOf(changes.flatMap(({ fromSegmentId, toSegmentId }) => [fromSegmentId, toSegmentId]), call);
        yield changes.map(({ fromSegmentId, toSegmentId, strength, at }) => ({ from: nameOf.get(fromSegmentId) ?? null, to: nameOf.get(toSegmentId) ?? null, strength, at: at ?? '' }));
        if (!pageInfo?.hasNextPage) break;
        after = pageInfo.endCursor;
      }
    }
  }

  /** Models whose snapshot goes as far as the person's first event. */
  async modelsSince(workspaceId: string, first: Position): Promise<string[]> {
    const call = await this.as(workspaceId);
    const ids: string[] = [];
    for (let after = ''; ; ) {
      const { models, pageInfo } = await this.models.listModels({ page: { first: 500, after } }, call);
      ids.push(...models.filter(({ position }) => position && !positionAfter(first, position)).map(({ id }) => id));
      if (!pageInfo?.hasNextPage) return ids;
      after = pageInfo.endCursor;
    }
  }

  /** Runs that are not over and whose snapshot, as far as it is known, goes as far as the person's first event. */
  async runsUnderWay(workspaceId: string, first: Position): Promise<string[]> {
    // A workspace has one at a time, which is its newest.
    const { runs } = await this.runs.listRuns({ page: { first: 1, after: '' }, state: training.RunState.UNSPECIFIED }, await this.as(workspaceId));
    const mayKnow = ({ state, position }: training.Run) => state !== training.RunState.QUEUED && (position === undefined || !positionAfter(first, position));
    return runs.filter((run) => run.finishedAt === undefined && mayKnow(run)).map(({ id }) => id);
  }

  onApplicationShutdown(): void {
    for (const client of [this.forgettings, this.memberships, this.segments, this.labels, this.predictions, this.models, this.runs]) client.close();
  }

  private async namesOf(segmentIds: readonly string[], call: { principal: string }): Promise<Map<string, string>> {
    const ids = [...new Set(segmentIds)].filter((id) => id !== '');
    if (ids.length === 0) return new Map();
    const { segments } = await this.segments.getSegments({ ids, modelId: '', asOf: undefined }, call);
    return new Map(segments.map(({ id, name }) => [id, name]));
  }

  private async as(workspaceId: string): Promise<{ principal: string }> {
    return { principal: await this.signer.service(this.service, workspaceId) };
  }
}
