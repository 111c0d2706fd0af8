import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';

import { Inject, Injectable } from '@nestjs/common';

import type { ArtifactStore, StoredArtifact } from '#libs/artifacts';
import { type Attempt, StaleAttempt } from '#libs/queue';
import { SERVICE } from '#libs/service';

import { publicId } from '../page/public-id.js';
import { ARTIFACTS, type Context } from '../store.js';
import { isoOf, microsOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import type { ExportManifest } from './export.manifest.js';
import { ExportRepository, type ExportRow } from './export.repository.js';
import { type MemberScratch, withScratch } from './member.file.js';
import { MemberNames, NAMED_AT_ONCE } from './member.names.js';
import { MemberReader, type MemberRow, type SegmentFacts } from './member.reader.js';
import { MemberTable } from './member.table.js';

/** Where the files of an export lie. */
export const exportFolder = (workspaceId: string, exportId: string) => [workspaceId, 'exports', exportId].join('/');
/** A file is written once: each fence has its own. */
export const fileName = (fence: number, format: ExportRow['format']) => `members-${fence}.${format.toLowerCase()}`;
export const manifestName = (fence: number) => `members-${fence}.json`;

/** One attempt at an export, from the row to its file and manifest. */
@Injectable()
export class ExportExecution {
  constructor(
    private readonly exports: ExportRepository,
    private readonly members: MemberReader,
    private readonly names: MemberNames,
    private readonly directory: WorkspaceDirectory,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  async run(attempt: Attempt, row: ExportRow, signal: AbortSignal): Promise<void> {
    // What an earlier attempt left half done.
    await this.artifacts.remove(this.artifacts.uri(exportFolder(attempt.workspaceId, attempt.id)));
    const written = await withScratch(signal, (scratch) => this.write(attempt, row, scratch, signal));
    try {
      if (!(await this.exports.succeed(attempt, written.path, written.manifest))) return await this.discard(attempt, row);
    } catch (error) {
      // Somebody in it was forgotten meanwhile: the next attempt is without them, and so must the store be.
      if (error instanceof StaleAttempt) await this.discard(attempt, row);
      throw error;
    }
    await this.forgetOld(attempt.workspaceId);
  }

  private async write(attempt: Attempt, row: ExportRow, scratch: MemberScratch, signal: AbortSignal): Promise<{ path: string; manifest: ExportManifest }> {
    const read = scratch.path('read.ndjson');
    const facts = await this.read(attempt.workspaceId, row, read);
    if (!facts) throw new Error(`segment ${row.segmentId} is gone, which a reference to it forbids`);
    // Before the slow part, so that it says when the list was read.
    const asOf = row.asOf ? isoOf(microsOf(row.asOf.toISOString())) : await this.directory.asOf(attempt.workspaceId, facts.newestEventAt);
    const csv = scratch.path('members.csv');
    const table = new MemberTable(row.format, row, { segmentId: row.segmentId, segmentName: facts.name, asOf });
    const { rows, leftOut } = await this.name(attempt, row, facts, table, { from: read, to: csv }, signal);
    const file = await scratch.convert(csv, row.format, table.columns);
    signal.throwIfAborted();
    const stored = await this.store(attempt, fileName(attempt.fence, row.format), createReadStream(file));
    const manifest: ExportManifest = {
      format: 'kindred.export/1',
      exportId: attempt.id,
      segment: { id: publicId('Segment', row.segmentId), name: facts.name },
      model: facts.modelId === null ? null : publicId('Model', facts.modelId),
      versionAt: facts.versionAt,
      asOf,
      newestEventAt: facts.newestEventAt === null ? null : isoOf(facts.newestEventAt),
      ...(facts.read ? { read: { placed: facts.read.placed, unlikeAnythingSeen: facts.read.unseen } } : {}),
      file: { name: basename(stored.path), format: row.format, rows, bytes: stored.bytes, sha256: stored.sha256 },
      columns: table.columns,
      members: facts.members,
      leftOut,
      forgotten: 0,
    };
    await this.store(attempt, manifestName(attempt.fence), Readable.from([JSON.stringify(manifest, null, 1)]));
    return { path: stored.path, manifest };
  }

  /** Everyone to a file at once: while they are named, a list that is read would keep its transaction waiting. */
  private async read(workspaceId: string, { segmentId, columns, asOf }: ExportRow, file: string): Promise<SegmentFacts | undefined> {
    return withFile(file, 'w', (handle) =>
      this.members.read(workspaceId, segmentId, { hasNovelty: columns.includes('NOVELTY'), asOf }, async (rows) => {
        await handle.appendFile(rows.map(({ customerId, strength, since, decidedAt, modelId, novelty }) => `${JSON.stringify({ customerId, strength, since, decidedAt, modelId, novelty })}\n`).join(''));
      }),
    );
  }

  /** The lines of those who are to be in it. */
  private async name(attempt: Attempt, row: ExportRow, { members }: SegmentFacts, table: MemberTable, files: { readonly from: string; readonly to: string }, signal: AbortSignal) {
    const leftOut = { erased: 0, suppressed: 0 };
    let rows = 0;
    await withFile(files.to, 'w', async (handle) => {
      await handle.appendFile(table.header);
      let done = 0;
      for await (const piece of pieces(files.from)) {
        signal.throwIfAborted();
        const named = await this.names.of(attempt.workspaceId, piece, row.attributes);
        await handle.appendFile(named.members.map((member) => table.line(member)).join(''));
        leftOut.erased += named.leftOut.erased;
        leftOut.suppressed += named.leftOut.suppressed;
        rows += named.members.length;
        done += piece.length;
        await this.exports.progress(attempt, done, members);
      }
    });
    return { rows, leftOut };
  }

  private store({ workspaceId, id }: Attempt, name: string, content: Readable): Promise<StoredArtifact> {
    return this.artifacts.write({ workspaceId, area: 'exports', id, name }, content);
  }

  private async discard({ workspaceId, id, fence }: Attempt, { format }: ExportRow): Promise<void> {
    for (const name of [fileName(fence, format), manifestName(fence)]) await this.artifacts.remove(this.artifacts.uri(`${exportFolder(workspaceId, id)}/${name}`));
  }

  private async forgetOld(workspaceId: string): Promise<void> {
    for (const old of await this.exports.kept(workspaceId, this.context.config.EXPORT_KEEP_DAYS)) {
      await this.artifacts.remove(this.artifacts.uri(exportFolder(workspaceId, old.id)));
      await this.exports.replace(workspaceId, old, null, old.manifest);
    }
  }
}

async function withFile<T>(path: string, flags: 'r' | 'w', work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, flags);
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

async function* pieces(path: string): AsyncGenerator<MemberRow[]> {
  const handle = await open(path);
  try {
    let piece: MemberRow[] = [];
    for await (const line of handle.readLines({ autoClose: false })) {
      piece.push(JSON.parse(line) as MemberRow);
      if (piece.length < NAMED_AT_ONCE) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  } finally {
    await handle.close();
  }
}
