import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { IntakeFullError } from '../event/event.failure.js';
import type { ByteShare } from './intake.budget.js';
import { BodyTooLargeError, UnreadableBodyError } from './intake.request.js';

/** Whether a body is packed. Throws UnreadableBodyError for what only others unpack. */
export function isPacked(encoding: string | undefined): boolean {
  const name = (encoding ?? 'identity').trim().toLowerCase();
  if (name === 'gzip' || name === 'x-gzip') return true;
  if (name === 'identity' || name === '') return false;
  throw new UnreadableBodyError(`Content-Encoding ${name.slice(0, 40)} is not understood; gzip is, or nothing at all.`);
}

/**
 * A packed body, unpacked as it is read. What it becomes counts as what arrives does, and it ends at the bound: a few
 * packed kilobytes can hold gigabytes.
 */
export function inflated(packed: Readable, share: ByteShare, maxBytes: number): Readable {
  const gunzip = createGunzip();
  const plain = new PlainBody(share, maxBytes);
  packed.once('error', (error) => plain.destroy(error));
  packed.on('data', (chunk: Buffer) => (plain.receivedEncodedLength += chunk.length));
  gunzip.once('error', ({ message }) => plain.destroy(new UnreadableBodyError(`The body is said to be gzip and cannot be unpacked: ${message}`)));
  plain.once('close', () => gunzip.destroy());
  packed.pipe(gunzip).pipe(plain);
  return plain;
}

class PlainBody extends Transform {
  /** Fastify compares it with the length that was announced. */
  receivedEncodedLength = 0;
  private bytes = 0;

  constructor(
    private readonly share: ByteShare,
    private readonly maxBytes: number,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, next: TransformCallback): void {
    this.bytes += chunk.length;
    if (this.bytes > this.maxBytes) next(new BodyTooLargeError(`The body unpacks to more than ${this.maxBytes} bytes.`));
    else if (!this.share.take(chunk.length)) next(new IntakeFullError());
    else next(null, chunk);
  }
}
