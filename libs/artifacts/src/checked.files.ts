import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { LRUCache } from 'lru-cache';

import { ArtifactError } from './store.js';

/** Files that are remembered to have been as they were written. */
const MOST_CHECKED = 10_000;

/** Rejects with HASH_MISMATCH unless what comes is what was written. */
export async function expectHash(content: Readable, sha256: string, name: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(content, hash);
  if (hash.digest('hex') !== sha256) {
    throw new ArtifactError('HASH_MISMATCH', `${name} is not the file that was written: its hash differs. It is not used.`);
  }
}

/** Files on this machine that are hashed when they are first asked for, and again when they changed. */
export class CheckedFiles {
  private readonly seen = new LRUCache<string, string>({ max: MOST_CHECKED });

  async check(file: string, sha256: string, name: string): Promise<void> {
    const { ino, size, mtimeMs } = await stat(file);
    const now = [sha256, ino, size, mtimeMs].join(' ');
    if (this.seen.get(file) === now) return;
    await expectHash(createReadStream(file), sha256, name);
    this.seen.set(file, now);
  }
}
