import { createReadStream, createWriteStream } from 'node:fs';
import { access, link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { v7 as uuid } from 'uuid';

import { CheckedFiles, expectHash } from './checked.files.js';
import { PassingHash } from './passing.hash.js';
import { safe } from './place.js';
import { type ArtifactArea, ArtifactError, type ArtifactStore, type StoredArtifact, type StoredFolder } from './store.js';

/** A folder. Files appear by an atomic link, so that half of one is never seen and none is overwritten. */
export class LocalArtifactStore implements ArtifactStore {
  private readonly root: string;
  private readonly checked = new CheckedFiles();

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
    const measured = new PassingHash(maxBytes);
    try {
      await mkdir(this.within(workspaceId, area, id), { recursive: true });
      await pipeline(content, measured, createWriteStream(partial, { flags: 'wx', flush: true }));
      await link(partial, target);
    } catch (error) {
      throw explain(error, target);
    } finally {
      await rm(partial, { force: true });
    }
    return { path: [workspaceId, area, id, name].join('/'), sha256: measured.sha256(), bytes: measured.bytes };
  }

  async read(path: string): Promise<Readable> {
    return createReadStream(await this.localFile(path));
  }

  async exists(path: string): Promise<boolean> {
    return access(this.within(...path.split('/'))).then(() => true, () => false);
  }

  async list(workspaceId: string, area: ArtifactArea): Promise<StoredFolder[]> {
    const ids = await readdir(this.within(workspaceId, area)).catch(nothingAt);
    const found = await Promise.all(
      ids.map(async (id) => {
        const folder = await stat(this.within(workspaceId, area, id)).catch(nothingAt);
        return 'mtime' in folder ? [{ path: [workspaceId, area, id].join('/'), changedAt: folder.mtime }] : [];
      }),
    );
    return found.flat();
  }

  localFile(path: string): Promise<string> {
    return existing(this.within(...path.split('/')), path);
  }

  async localFileOf(uri: string): Promise<string> {
    return existing(this.below(uri), uri);
  }

  async checkedFile(path: string, sha256: string): Promise<string> {
    const file = await this.localFile(path);
    await this.checked.check(file, sha256, path);
    return file;
  }

  async verify(uri: string, sha256: string): Promise<void> {
    await expectHash(createReadStream(await this.localFileOf(uri)), sha256, uri);
  }

  async remove(uri: string): Promise<void> {
    await rm(this.below(uri), { recursive: true, force: true });
  }

  /** The files themselves are on this machine. */
  dropCopies(): Promise<void> {
    return Promise.resolve();
  }

  private within(...parts: string[]): string {
    return join(this.root, ...safe(parts));
  }

  /** A file below the root, or a refusal: URIs come from other services' messages. */
  private below(uri: string): string {
    const path = uri.startsWith('file:') ? resolve(fileURLToPath(uri)) : '';
    if (!path.startsWith(this.root + sep)) throw new ArtifactError('MISSING', `${uri} lies outside the artefact store.`);
    return path;
  }
}

async function existing(file: string, name: string): Promise<string> {
  await access(file).catch((cause: unknown) => {
    throw new ArtifactError('MISSING', `No artefact ${name}.`, { cause });
  });
  return file;
}

/** What is not there, or is removed meanwhile, is not listed. */
function nothingAt(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function explain(error: unknown, target: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC') return new ArtifactError('NO_SPACE', 'The artefact store is full. Free some space and try again.', { cause: error });
  if (code === 'EEXIST') return new ArtifactError('EXISTS', `${target} was written before and is not changed.`, { cause: error });
  return error;
}
