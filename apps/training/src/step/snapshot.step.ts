import { Injectable } from '@nestjs/common';

import { ingestion } from '#libs/contracts';
import type { Prisma } from '#libs/database';
import { RpcError, status } from '#libs/grpc';

import { PeerFailure } from './failure.js';
import { hear, Peers } from './peers.js';
import type { Conclusion, Step, StepContext } from './step.js';

type NoInput = Record<string, never>;

/** Has ingestion export the events. The run's id makes it the same snapshot, however often it is asked for. */
@Injectable()
export class SnapshotStep implements Step<'SNAPSHOTTING', NoInput> {
  readonly state = 'SNAPSHOTTING';

  constructor(private readonly peers: Peers) {}

  decide = async (): Promise<NoInput> => ({});

  async execute({ workspaceId, runId, signal, report }: StepContext<NoInput>): Promise<ingestion.Snapshot> {
    const call = await this.peers.as(workspaceId, { signal });
    const stream = this.peers.snapshots.createSnapshot({ requestId: runId, position: undefined }, call);
    let snapshot: ingestion.Snapshot | undefined;
    for await (const { event } of hear('ingestion', stream)) {
      if (event?.$case === 'snapshot') snapshot = event.value;
      else if (event?.$case === 'progress') {
        const { eventsWritten, eventsTotal, eventsPerSecond, remainingSeconds } = event.value;
        const fraction = eventsTotal > 0 ? eventsWritten / eventsTotal : 0;
        report.progress({ fraction, step: 'exporting events', rate: eventsPerSecond, unit: 'events', remainingSeconds });
      }
    }
    if (snapshot?.position) return snapshot;
    throw new PeerFailure('ingestion', new RpcError(status.INTERNAL, 'the stream ended without a snapshot', { reason: 'INCOMPLETE' }));
  }

  store = (result: ingestion.Snapshot) => ingestion.Snapshot.toJSON(result) as Prisma.InputJsonObject;
  load = (stored: unknown) => ingestion.Snapshot.fromJSON(stored);

  async conclude(_: unknown, { result }: Conclusion<'SNAPSHOTTING', NoInput>): Promise<Prisma.RunUpdateInput> {
    return {
      positionHorizon: BigInt(result.position?.horizon ?? 0),
      positionSequence: BigInt(result.position?.sequence ?? 0),
      dataHash: result.contentHash,
      events: BigInt(result.events),
      customers: BigInt(result.customers),
    };
  }
}
