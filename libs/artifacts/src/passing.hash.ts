import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

import { ArtifactError } from './store.js';

/** Lets a stream through, hashes and counts it, and fails with TOO_LARGE beyond a size. */
export class PassingHash extends Transform {
  private readonly hash = createHash('sha256');
  bytes = 0;

  constructor(private readonly maxBytes: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    if (this.bytes > this.maxBytes) done(new ArtifactError('TOO_LARGE', `The file is larger than the ${this.maxBytes} bytes that are allowed here.`));
    else done(null, chunk);
  }

  /** Once it has ended. */
  sha256(): string {
    return this.hash.digest('hex');
  }
}
