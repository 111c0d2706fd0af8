import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { exhaustMap, timer } from 'rxjs';

import type { ArtifactStore } from '#libs/artifacts';
import { access } from '#libs/contracts';
import type { Attempt } from '#libs/queue';

import type { Rejection } from '../event/event.js';
import { writeItems } from '../event/event.quarantine.js';
import type { EventStore } from '../event/event.store.js';
import { Scratch, type ScratchOptions } from '../scratch/scratch.js';
import type { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import type { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { guessMainEvents, guessValueProperty } from './import.guess.js';
import type { Mapping } from './import.mapping.js';
import { type ImportItem, ImportReader, type RowCounts } from './import.reader.js';
import type { ImportRepository, ImportRow } from './import.repository.js';
import { checkPacked } from './import.source.js';
import type { TableStatistics } from './import.statistics.js';

/** What an import works with. */
export interface ImportRooms {
  readonly repository: ImportRepository;
  readonly store: EventStore;
  readonly artifacts: ArtifactStore;
  readonly settings: WorkspaceSettings;
  readonly plans: TrackingPlanBook;
  readonly scratch: ScratchOptions;
  readonly statistics: TableStatistics;
  /** Says that a workspace has new events. */
  readonly hint: (workspaceId: string) => void;
}

/** One commit holds about so much: enough to make round trips cheap, little enough that other requests get their turn. */
const BATCH = { events: 2_000, bytes: 2 * 1024 * 1024 };
const TELL_EVERY_MS = 500;
/** A history whose newest event is older than this is not read by the wall clock. */
const STALE_MS = 7 * 86_400_000;

/** One attempt at an import, from the file to its report; it goes on behind what earlier attempts committed. */
export class ImportExecution {
  constructor(
    private readonly rooms: ImportRooms,
    private readonly attempt: Attempt,
    private readonly row: ImportRow,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    const { artifacts, repository, plans, scratch: options } = this.rooms;
    const path = await artifacts.localFile(this.row.artifact);
    const fileSha256 = this.row.file_sha256 ?? (await sha256Of(path, this.signal));
    if (this.row.file_sha256 === null) await checkPacked(path, this.signal);
    const scratch = await Scratch.open(options);
    const interrupt = () => scratch.interrupt();
    this.signal.addEventListener('abort', interrupt);
    try {
      const { file_name: fileName, mapping } = this.row;
      // The same moment in every attempt: what depends on it (clamped times) comes out the same.
      await plans.ready;
      const plan = plans.of(this.attempt.workspaceId);
      const reader = await ImportReader.open(scratch, { path, fileName, mapping, receivedAt: new Date(this.row.created_at), plan });
      const counts = await this.stage(reader);
      this.signal.throwIfAborted();
      await repository.markCounted(this.attempt, fileSha256, counts);
      await this.quarantine(reader.rejectedRows(fileSha256));
      await this.commit(reader.items(fileSha256));
      await this.rooms.statistics.renew();
      await this.learn(counts);
      await repository.end(this.attempt, 'SUCCEEDED');
    } finally {
      this.signal.removeEventListener('abort', interrupt);
      await scratch.close();
    }
  }

  /** Tells meanwhile how far it is; a moment in which that cannot be kept is left out. */
  private async stage(reader: ImportReader): Promise<RowCounts> {
    const tell = () => this.rooms.repository.markStaged(this.attempt, reader.staged(), reader.rowsExpected).catch(() => undefined);
    let telling: Promise<void> = Promise.resolve();
    const rounds = timer(TELL_EVERY_MS, TELL_EVERY_MS).pipe(exhaustMap(() => (telling = tell()))).subscribe();
    try {
      return await reader.stage();
    } finally {
      rounds.unsubscribe();
      await telling;
    }
  }

  /** Rows that no event can be made of; known ones (by file and line) are not kept twice. */
  private async quarantine(rows: AsyncIterable<Rejection>): Promise<void> {
    for await (const rejections of batched(rows, ({ payload }) => payload.length)) {
      this.signal.throwIfAborted();
      await this.rooms.store.write({ ...this.destination, events: [], rejections });
    }
  }

  private async commit(items: AsyncIterable<ImportItem>): Promise<void> {
    // One batch is written while the next is read.
    let writing: Promise<unknown> = Promise.resolve();
    for await (const batch of batched(behind(items, Number(this.row.events_done)), sizeOf)) {
      await writing;
      this.signal.throwIfAborted();
      writing = this.write(batch);
      // Whoever awaits it hears of its failure, also when reading fails first.
      writing.catch(() => undefined);
    }
    await writing;
  }

  private async write(batch: readonly ImportItem[]): Promise<void> {
    const { repository, store, hint } = this.rooms;
    await writeItems(store, this.destination, batch, (client, { stored, duplicate, rejected }, items) =>
      repository.addProgress(client, this.attempt, { events: items.length, rows: items.reduce((sum, { rows }) => sum + rows, 0), stored, duplicate, rejected }),
    );
    hint(this.attempt.workspaceId);
  }

  /** What the data says of the workspace; what a person's mapping says holds over guesses. */
  private async learn({ names, newest }: RowCounts): Promise<void> {
    const { mapping, mapping_guessed: isGuessed } = this.row;
    const stated = statedOf(mapping);
    const value = guessValueProperty(mapping);
    const isHistory = newest !== undefined && Date.now() - Date.parse(newest) > STALE_MS;
    const guesses = {
      ...(newest === undefined ? {} : { clock: isHistory ? access.Clock.DATA : access.Clock.LIVE }),
      ...(names.length === 0 ? {} : { mainEvents: guessMainEvents(names) }),
      ...(value === undefined ? {} : { valueProperty: value }),
    };
    await this.rooms.settings.learn(this.attempt.workspaceId, isGuessed ? {} : stated, isGuessed ? { ...guesses, ...stated } : guesses);
  }

  private get destination() {
    const { workspaceId, id } = this.attempt;
    return { workspaceId, source: `import:${id}`, importId: id };
  }
}

/** What a mapping says of the workspace, as settings. */
function statedOf({ workspace: { clock, timezone, currency, mainEvents, valueProperty } }: Mapping): Partial<access.WorkspaceSettings> {
  return {
    ...(clock === undefined ? {} : { clock: access.Clock[clock] }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(currency === undefined ? {} : { currency }),
    ...(mainEvents === undefined ? {} : { mainEvents }),
    ...(valueProperty === undefined ? {} : { valueProperty }),
  };
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

const sizeOf = ({ item }: ImportItem): number => ('event' in item ? item.event.properties.length : item.rejection.payload.length);

async function* behind<T>(values: AsyncIterable<T>, done: number): AsyncGenerator<T> {
  let left = done;
  for await (const value of values) {
    if (left > 0) left--;
    else yield value;
  }
}

async function* batched<T>(values: AsyncIterable<T>, bytesOf: (value: T) => number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for await (const value of values) {
    batch.push(value);
    bytes += bytesOf(value);
    if (batch.length < BATCH.events && bytes < BATCH.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
