import { setTimeout as wait } from 'node:timers/promises';

import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';

import type { ArtifactStore } from '#libs/artifacts';
import type { ingestion } from '#libs/contracts';
import type { Position } from '#libs/database';
import { RpcError, status } from '#libs/grpc';

import { isNoSpace, type ScratchOptions } from '../scratch/scratch.js';
import type { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { exportSnapshot } from './snapshot.export.js';
import { progressOf, snapshotOf } from './snapshot.mapper.js';
import type { Names, SnapshotRepository, SnapshotRow } from './snapshot.repository.js';

/** An export under way; whoever asks for the same request watches the same one. */
interface Work {
  readonly startedAt: number;
  readonly done: Promise<SnapshotRow>;
  /** Its request was removed meanwhile. */
  readonly stop: AbortController;
  events: number;
  total: number;
}

const REPORT_EVERY_MS = 500;

/** Makes snapshots, each request once. */
export class SnapshotService {
  private readonly underWay = new Map<string, Work>();

  constructor(
    private readonly repository: SnapshotRepository,
    private readonly artifacts: ArtifactStore,
    private readonly settings: WorkspaceSettings,
    private readonly scratch: ScratchOptions,
    private readonly log: Logger,
  ) {}

  async *create(workspaceId: string, requestId: string, position: Position | undefined, signal: AbortSignal): AsyncGenerator<ingestion.CreateSnapshotResponse> {
    const key = keyOf(workspaceId, requestId);
    const work = this.underWay.get(key) ?? this.begin(key, workspaceId, requestId, position);
    while (!signal.aborted) {
      const row = await Promise.race([work.done, wait(REPORT_EVERY_MS, undefined, { signal }).catch(() => undefined)]);
      if (row) return yield { event: { $case: 'snapshot', value: snapshotOf(row) } };
      yield { event: { $case: 'progress', value: progressOf(work) } };
    }
  }

  /** Removes what there is of a request, once and for all: what is still being made of it goes when its maker comes to see that. */
  async remove(workspaceId: string, requestId: string): Promise<void> {
    this.underWay.get(keyOf(workspaceId, requestId))?.stop.abort(removed());
    for (const uri of await this.repository.forget(workspaceId, requestId)) await this.artifacts.remove(uri);
  }

  missing(workspaceId: string, names: Names): Promise<Names> {
    return this.repository.missing(workspaceId, names);
  }

  private begin(key: string, workspaceId: string, requestId: string, position: Position | undefined): Work {
    const stop = new AbortController();
    const work: Work = { startedAt: Date.now(), done: this.make(workspaceId, requestId, position, stop.signal, () => work), stop, events: 0, total: 0 };
    this.underWay.set(key, work);
    void work.done.catch(() => undefined).finally(() => this.underWay.delete(key));
    return work;
  }

  private async make(workspaceId: string, requestId: string, upTo: Position | undefined, stop: AbortSignal, work: () => Work): Promise<SnapshotRow> {
    const known = await this.repository.findByRequest(workspaceId, requestId);
    if (known?.state === 'READY') return known;
    // Left behind by a process that died: what it wrote has no manifest, and nobody uses it.
    if (known) await this.discard(workspaceId, known.id, known.uri);
    const measured = await this.repository.measure(workspaceId, upTo);
    if (!measured) {
      throw RpcError.precondition('There are no events to learn from yet: send or import some first.', { reason: 'NO_EVENTS' });
    }
    stop.throwIfAborted();
    work().total = measured.events;
    const id = uuid();
    const uri = this.artifacts.uri([workspaceId, 'snapshots', id].join('/'));
    await this.repository.insert(workspaceId, { id, requestId, uri });
    try {
      const manifest = await exportSnapshot(this.repository, {
        workspaceId,
        snapshotId: id,
        ...measured,
        settings: await this.settings.of(workspaceId),
        scratch: this.scratch,
        artifacts: this.artifacts,
        report: (events) => {
          stop.throwIfAborted();
          work().events = Math.round(events);
        },
      });
      const { contentHash, events, customers } = manifest;
      const made = { contentHash, position: measured.position, events, customers, now: new Date(manifest.now / 1000) };
      // Another replica may have been told.
      if (!(await this.repository.markReady(workspaceId, id, made))) throw removed();
    } catch (error) {
      if (!stop.aborted) this.log.error({ err: error, workspaceId, snapshotId: id }, 'a snapshot failed; what was written of it is removed');
      await this.discard(workspaceId, id, uri);
      return explain(error);
    }
    const made = await this.repository.findByRequest(workspaceId, requestId);
    if (!made) throw new Error(`snapshot ${id} is gone`);
    return made;
  }

  private async discard(workspaceId: string, id: string, uri: string): Promise<void> {
    await this.artifacts.remove(uri);
    await this.repository.markFailed(workspaceId, id);
  }
}

const keyOf = (workspaceId: string, requestId: string): string => `${workspaceId} ${requestId}`;

const removed = (): RpcError => new RpcError(status.ABORTED, 'The snapshot was removed while it was made.', { reason: 'SNAPSHOT_REMOVED' });

function explain(error: unknown): never {
  if (!isNoSpace(error)) throw error;
  throw new RpcError(status.RESOURCE_EXHAUSTED, 'There is no space left for a snapshot. Free some and start the run again.', { reason: 'NO_SPACE', cause: error });
}
