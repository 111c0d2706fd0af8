import { jwtVerify, SignJWT } from 'jose';
import { v7 as uuid } from 'uuid';

import { globalId, type GlobalId, readGlobalId } from '../graphql/global-id.js';

const LIFETIME_S = 3_600;
const AUDIENCE = 'kindred:upload';
const FORMAT = /\.(?:(?:csv|tsv|txt|ndjson|jsonl|json)(?:\.gz)?|parquet)$/i;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LONGEST_NAME = 200;

/** Where an uploaded file lies; nothing of it is chosen by the client but the format. */
export interface UploadPlace {
  readonly workspaceId: string;
  readonly id: string;
  readonly name: string;
}

/** Makes and reads links that let whoever has one send one file, for an hour. */
export class UploadLinks {
  private readonly secret: Uint8Array;

  constructor(
    secret: string,
    readonly maxBytes: number,
  ) {
    this.secret = new TextEncoder().encode(secret);
  }

  /** True for a file that imports can read, by its name's ending. */
  static isKnownFormat(fileName: string): boolean {
    return FORMAT.test(fileName) && fileName.length <= LONGEST_NAME;
  }

  async make(workspaceId: string, fileName: string): Promise<{ id: GlobalId; url: string; expiresAt: string }> {
    const id = uuid();
    const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 + LIFETIME_S * 1000);
    const token = await new SignJWT({ ws: workspaceId, name: storedName(fileName) })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(AUDIENCE)
      .setSubject(id)
      .setExpirationTime(expiresAt)
      .sign(this.secret);
    return { id: globalId('Upload', `${id}/${fileName}`), url: `/upload/${token}`, expiresAt: expiresAt.toISOString() };
  }

  /** Throws jose's error for a forged link or one that is over. */
  async open(token: string): Promise<UploadPlace> {
    const { payload } = await jwtVerify(token, this.secret, { audience: AUDIENCE, algorithms: ['HS256'] });
    return { workspaceId: String(payload['ws']), id: String(payload.sub), name: String(payload['name']) };
  }

  /** The artefact that an upload's id stands for in this workspace, and the file's own name. */
  static artifactOf(workspaceId: string, uploadId: string): { artifact: string; fileName: string } | undefined {
    const read = readGlobalId(uploadId);
    const [, id, fileName] = /^([^/]+)\/(.+)$/s.exec(read?.type === 'Upload' ? read.id : '') ?? [];
    if (id === undefined || fileName === undefined || !UUID.test(id) || !UploadLinks.isKnownFormat(fileName)) return undefined;
    return { artifact: [workspaceId, 'uploads', id, storedName(fileName)].join('/'), fileName };
  }
}

function storedName(fileName: string): string {
  return `data${FORMAT.exec(fileName)?.[0].toLowerCase() ?? ''}`;
}
