import { setTimeout as wait } from 'node:timers/promises';

import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';

import type { ArtifactStore } from '#libs/artifacts';
import { ingestion } from '#libs/contracts';
import { RpcError } from '#libs/grpc';
import { type ImportPayload, isEnded, type JobQueue } from '#libs/queue';

import type { EventStore } from '../event/event.store.js';
import { type Cut, pageOf } from '../page.js';
import { Scratch, type ScratchOptions } from '../scratch/scratch.js';
import type { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { importOf } from './import.mapper.js';
import { type Mapping, parseMapping } from './import.mapping.js';
import { previewOf } from './import.preview.js';
import { ImportReader } from './import.reader.js';
import { type ImportRepository, type ImportRow } from './import.repository.js';
import { asRpcError } from './import.rpc-error.js';

const PREVIEW_ROWS = 100;
const MOST_PREVIEW_ROWS = 1_000;
const LOOK_EVERY_MS = 300;

interface FileToRead {
  artifact: string;
  fileName: string;
  /** JSON; empty: guessed. */
  mapping: string;
}

/** What imports are begun and looked at with. */
export interface ImportDesk {
  readonly repository: ImportRepository;
  readonly queue: JobQueue<ImportPayload>;
  readonly artifacts: ArtifactStore;
  readonly store: Pick<EventStore, 'refusals'>;
  readonly plans: TrackingPlanBook;
  readonly scratch: ScratchOptions;
}

/** Begins imports, shows what a mapping makes of a file, and tells how imports get on. */
export class ImportService {
  constructor(
    private readonly rooms: ImportDesk,
    private readonly log: Logger,
  ) {}

  /** The file's first rows are read by the mapping before anything is written. */
  async start(workspaceId: string, file: FileToRead): Promise<ingestion.Import> {
    const mapping = await this.look(workspaceId, file, PREVIEW_ROWS, async (reader) => {
      await reader.stage();
      return reader.mapping;
    });
    const id = uuid();
    const row = await this.rooms.repository.insert(workspaceId, { id, artifact: file.artifact, fileName: file.fileName, mapping, isGuessed: file.mapping === '' });
    if (!row) throw RpcError.notFound('The file is not kept any more. Upload it again.', { reason: 'FILE_UNKNOWN' });
    await this.rooms.queue.enqueue({ workspaceId, importId: id }).catch((error: unknown) => this.log.warn({ err: error, importId: id }, 'the import waits for the queue'));
    return importOf(row);
  }

  async preview(workspaceId: string, file: FileToRead, rows: number): Promise<ingestion.PreviewImportResponse> {
    if (rows > MOST_PREVIEW_ROWS) throw RpcError.invalid(`A preview has at most ${MOST_PREVIEW_ROWS} rows.`, { reason: 'PREVIEW_TOO_LARGE' });
    return this.look(workspaceId, file, rows || PREVIEW_ROWS, (reader) => previewOf(reader, (events) => this.rooms.store.refusals(workspaceId, events)));
  }

  /** Those of them that there are. */
  async several(workspaceId: string, ids: readonly string[]): Promise<ingestion.Import[]> {
    return (await this.rooms.repository.several(workspaceId, ids)).map(importOf);
  }

  async list(workspaceId: string, cut: Cut): Promise<ingestion.ListImportsResponse> {
    const { rows, total } = await this.rooms.repository.list(workspaceId, cut);
    const page = pageOf(rows, cut, total, ({ id }) => [id]);
    return { imports: page.rows.map(importOf), pageInfo: page.pageInfo };
  }

  async *watch(workspaceId: string, id: string, signal: AbortSignal): AsyncGenerator<ingestion.WatchImportResponse> {
    let last = '';
    while (!signal.aborted) {
      const row = await this.found(workspaceId, id);
      const now = JSON.stringify(row);
      if (now !== last) yield { import: importOf(row) };
      if (isEnded(row.state)) return;
      last = now;
      await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async cancel(workspaceId: string, id: string): Promise<ingestion.Import> {
    await this.found(workspaceId, id);
    const row = await this.rooms.repository.cancel(workspaceId, id);
    if (!row) throw RpcError.precondition('This import has ended already.', { reason: 'IMPORT_ENDED' });
    return importOf(row);
  }

  private async found(workspaceId: string, id: string): Promise<ImportRow> {
    const row = await this.rooms.repository.find(workspaceId, id);
    if (!row) throw RpcError.notFound(`There is no import ${id}.`, { reason: 'IMPORT_UNKNOWN' });
    return row;
  }

  private async look<T>(workspaceId: string, { artifact, fileName, mapping }: FileToRead, limit: number, work: (reader: ImportReader) => Promise<T>): Promise<T> {
    if (!artifact.startsWith(`${workspaceId}/`)) throw RpcError.notFound('There is no such file.', { reason: 'FILE_UNKNOWN' });
    try {
      const given: Mapping | undefined = mapping === '' ? undefined : parseMapping(mapping);
      const path = await this.rooms.artifacts.localFile(artifact);
      const plan = this.rooms.plans.of(workspaceId);
      const scratch = await Scratch.open(this.rooms.scratch);
      try {
        return await work(await ImportReader.open(scratch, { path, fileName, mapping: given, limit, receivedAt: new Date(), plan }));
      } finally {
        await scratch.close();
      }
    } catch (error) {
      throw asRpcError(error);
    }
  }
}
