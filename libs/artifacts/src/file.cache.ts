import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { v7 as uuid } from 'uuid';

/** What was asked for within this time may be open still. */
const IN_USE_MS = 3_600_000;

/** Contents of an object store as files on this machine, for libraries that want one; the least used go when they are too many. */
export class FileCache {
  constructor(
    private readonly folder: string,
    private readonly mostBytes: number,
  ) {}

  /** The file of this key, fetched once. A key is of one content for ever. */
  async file(key: string, fetch: () => Promise<Readable>): Promise<string> {
    const file = this.fileOf(key);
    const now = new Date();
    // The time of change of its content stays: what was hashed is not hashed again.
    if (await this.touch(file, now)) return file;
    await mkdir(this.folder, { recursive: true });
    const partial = `${file}.${uuid()}.partial`;
    try {
      await pipeline(await fetch(), createWriteStream(partial, { flags: 'wx' }));
      await rename(partial, file);
    } finally {
      await rm(partial, { force: true });
    }
    await this.makeRoom(now.getTime());
    return file;
  }

  /** Drops the file of a key. Who has it open reads on. */
  async drop(key: string): Promise<void> {
    await rm(this.fileOf(key), { force: true });
  }

  /** Drops files that nobody has asked for since. */
  async dropUnused(since: Date): Promise<void> {
    for (const { name, asked } of await this.files(Date.now())) if (asked < since.getTime()) await rm(join(this.folder, name), { force: true });
  }

  private fileOf(key: string): string {
    return join(this.folder, createHash('sha256').update(key).digest('hex'));
  }

  private async touch(file: string, now: Date): Promise<boolean> {
    const found = await stat(file).catch(() => undefined);
    if (found) await utimes(file, now, found.mtime);
    return found !== undefined;
  }

  private async makeRoom(now: number): Promise<void> {
    const files = await this.files(now);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files.toSorted((a, b) => a.asked - b.asked)) {
      if (bytes <= this.mostBytes || now - file.asked < IN_USE_MS) return;
      await rm(join(this.folder, file.name), { force: true });
      bytes -= file.bytes;
    }
  }

  private async files(now: number): Promise<{ name: string; bytes: number; asked: number }[]> {
    const names = await readdir(this.folder).catch(() => []);
    return Promise.all(
      names.map(async (name) => {
        const found = await stat(join(this.folder, name)).catch(() => undefined);
        return { name, bytes: found?.size ?? 0, asked: found?.atimeMs ?? now };
      }),
    );
  }
}
