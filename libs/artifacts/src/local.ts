import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, link, mkdir, rm, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { LRUCache } from 'lru-cache';
import { v7 as uuid } from 'uuid';

import { type ArtifactArea, ArtifactError, type ArtifactStore, type StoredArtifact } from './store.js';

/** Files that are remembered to have been as they were written. */
const MOST_CHECKED = 10_000;
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;

/** A folder. Files appear by an atomic link, so that half of one is never seen and none is overwritten. */
export class LocalArtifactStore implements ArtifactStore {
  private readonly root: string;
  private readonly checked = new LRUCache<string, string>({ max: MOST_CHECKED });

  constructor(url: string) {
    this.root = resolve(fileURLToPath(url));
  }

  async directory(workspaceId: string, area: ArtifactArea, id: string): Promise<string> {
    const path = this.within(workspaceId, area, id);
    await mkdir(path, { recursive: true });
    return pathToFileURL(path).href;
  }

  uri(path: string): string {
    return pathToFileURL(this.within(...path.split('/'))).href;
  }

  async write(
    { workspaceId, area, id, name }: { workspaceId: string; area: ArtifactArea; id: string; name: string },
    content: Readable,
    { maxBytes = Number.POSITIVE_INFINITY }: { maxBytes?: number } = {},
  ): Promise<StoredArtifact> {
    const target = this.within(workspaceId, area, id, name);
    const partial = `${target}.${uuid()}.partial`;
    const hash = createHash('sha256');
    let bytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes > maxBytes) done(new ArtifactError('TOO_LARGE', `The file is larger than the ${maxBytes} bytes that are allowed here.`));
        else done(null, chunk);
      },
    });
    await mkdir(this.within(workspaceId, area, id), { recursive: true });
    try {
      await pipeline(content, measure, createWriteStream(partial, { flags: 'wx' }));
      await link(partial, target);
    } catch (error) {
      throw explain(error, target);
    } finally {
      await rm(partial, { force: true });
    }
    return { path: [workspaceId, area, id, name].join('/'), sha256: hash.digest('hex'), bytes };
  }

  async read(path: string): Promise<Readable> {
    return createReadStream(await this.localFile(path));
  }

  async localFile(path: string): Promise<string> {
    const file = this.within(...path.split('/'));
    await access(file).catch((cause: unknown) => {
      throw new ArtifactError('MISSING', `No artefact ${path}.`, { cause });
    });
    return file;
  }

  async localFileOf(uri: string): Promise<string> {
    const file = this.below(uri);
    await access(file).catch((cause: unknown) => {
      throw new ArtifactError('MISSING', `No artefact at ${uri}.`, { cause });
    });
    return file;
  }

  async checkedFile(path: string, sha256: string): Promise<string> {
    const file = await this.localFile(path);
    const { ino, size, mtimeMs } = await stat(file);
    const seen = [sha256, ino, size, mtimeMs].join(' ');
    if (this.checked.get(path) !== seen) await this.verify(this.uri(path), sha256);
    this.checked.set(path, seen);
    return file;
  }

  async verify(uri: string, sha256: string): Promise<void> {
    const hash = createHash('sha256');
    await pipeline(createReadStream(this.below(uri)), hash).catch((cause: unknown) => {
      throw new ArtifactError('MISSING', `No artefact at ${uri}.`, { cause });
    });
    if (hash.digest('hex') !== sha256) {
      throw new ArtifactError('HASH_MISMATCH', `${uri} is not the file that was written: its hash differs. It is not used.`);
    }
  }

  async remove(uri: string): Promise<void> {
    await rm(this.below(uri), { recursive: true, force: true });
  }

  private within(...parts: string[]): string {
    for (const part of parts) if (!SAFE_NAME.test(part)) throw new ArtifactError('MISSING', `"${part}" is no part of an artefact's path.`);
    return join(this.root, ...parts);
  }

  /** A file below the root, or a refusal: URIs come from other services' messages. */
  private below(uri: string): string {
    const path = resolve(fileURLToPath(uri));
    if (!path.startsWith(this.root + sep)) throw new ArtifactError('MISSING', `${uri} lies outside the artefact store.`);
    return path;
  }
}

function explain(error: unknown, target: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC') return new ArtifactError('NO_SPACE', 'The artefact store is full. Free some space and try again.', { cause: error });
  if (code === 'EEXIST') return new ArtifactError('EXISTS', `${target} was written before and is not changed.`, { cause: error });
  return error;
}
