import { decodeJwt } from 'jose';
import type { CallContext } from 'nice-grpc';

import { ingestion, serving } from '#libs/contracts';
import { PRINCIPAL_METADATA, RpcError, status } from '#libs/grpc';

import { Barrier, type FakeServer, listen } from './fake-server.js';

/** Ingestion's snapshots as the contract promises them: the same request id, the same snapshot. */
export class FakeIngestion {
  readonly requests: string[] = [];
  /** Requests whose snapshots were removed. */
  readonly removed: string[] = [];
  readonly halfway = new Barrier();
  failWith: RpcError | undefined;
  failRemovalWith: RpcError | undefined;
  /** Names that no event has. */
  missing: ingestion.FindMissingNamesResponse = { events: [], properties: [], numbers: [] };
  server!: FakeServer;

  async start(): Promise<this> {
    this.server = await listen(ingestion.SnapshotServiceService, {
      findMissingNames: async ({ events, properties, numbers }: ingestion.FindMissingNamesRequest) => ({
        events: events.filter((name) => this.missing.events.includes(name)),
        properties: properties.filter((name) => this.missing.properties.includes(name)),
        numbers: numbers.filter((name) => this.missing.numbers.includes(name)),
      }),
      createSnapshot: (request: ingestion.CreateSnapshotRequest, context: CallContext) => this.create(request, context),
      removeSnapshot: async ({ requestId }: ingestion.RemoveSnapshotRequest) => {
        if (this.failRemovalWith) throw this.failRemovalWith;
        this.removed.push(requestId);
        return {};
      },
    });
    return this;
  }

  private async *create({ requestId }: ingestion.CreateSnapshotRequest, { signal }: CallContext): AsyncGenerator<ingestion.CreateSnapshotResponse> {
    this.requests.push(requestId);
    if (this.failWith) throw this.failWith;
    yield { event: { $case: 'progress', value: { eventsWritten: 500, eventsTotal: 1_000, eventsPerSecond: 10_000, remainingSeconds: 0.05 } } };
    await this.halfway.pass(signal);
    const snapshot: ingestion.Snapshot = {
      id: requestId,
      uri: `file:///nowhere/${requestId}`,
      contentHash: 'c0ffee',
      position: { horizon: 42, sequence: 7 },
      events: 1_000,
      customers: 100,
      now: '2011-12-09T12:50:00.000Z',
    };
    yield { event: { $case: 'snapshot', value: snapshot } };
  }
}

/** Serving's activation as the contract promises it: idempotent shadows, a switch that only later fences make. */
export class FakeServing {
  readonly shadows: serving.PrepareShadowRequest[] = [];
  /** For how long each preparation let a model take in what came since. */
  readonly catchingUp: { modelId: string; seconds: number }[] = [];
  /** Switches that really happened. */
  readonly switches: { modelId: string; fence: number }[] = [];
  readonly beforeAnswer = new Barrier();
  private readonly active = new Map<string, { modelId: string; fence: number; at: string }>();
  server!: FakeServer;

  async start(): Promise<this> {
    this.server = await listen(serving.ActivationServiceService, {
      prepareShadow: (request: serving.PrepareShadowRequest) => this.prepare(request),
      activate: (request: serving.ActivateRequest, context: CallContext) => this.activate(request, context),
      getActiveModel: async (_: serving.GetActiveModelRequest, context: CallContext) => this.activeModel(context),
    });
    return this;
  }

  private async *prepare(request: serving.PrepareShadowRequest): AsyncGenerator<serving.PrepareShadowResponse> {
    this.catchingUp.push({ modelId: request.modelId, seconds: request.catchUpSeconds });
    if (!this.shadows.some((shadow) => shadow.modelId === request.modelId)) this.shadows.push(request);
    yield { fraction: 0.5, customers: 50, completed: false };
    yield { fraction: 1, customers: 100, completed: true };
  }

  private async activate({ modelId, fence }: serving.ActivateRequest, context: CallContext): Promise<serving.ActivateResponse> {
    if (fence <= this.activeIn(context).fence) throw new RpcError(status.ABORTED, 'A later promotion was seen.', { reason: 'STALE_FENCE' });
    const at = new Date().toISOString();
    this.active.set(workspaceOf(context), { modelId, fence, at });
    this.switches.push({ modelId, fence });
    await this.beforeAnswer.pass(context.signal);
    return { activatedAt: at, moved: 3 };
  }

  private activeModel(context: CallContext): serving.GetActiveModelResponse {
    const { modelId, fence, at } = this.activeIn(context);
    return { modelId, fence, activatedAt: at, backlogEvents: 0, newestAppliedAt: undefined };
  }

  private activeIn(context: CallContext) {
    return this.active.get(workspaceOf(context)) ?? { modelId: '', fence: 0, at: '2026-01-01T00:00:00.000Z' };
  }
}

const workspaceOf = ({ metadata }: CallContext): string => String(decodeJwt(metadata.get(PRINCIPAL_METADATA) ?? '')['ws']);
