import { basename } from 'node:path';

import { jwtVerify, SignJWT } from 'jose';

const LIFETIME_S = 900;
const AUDIENCE = 'kindred:download';

/** An attempt's number is the store's affair. */
const ownName = (path: string): string => basename(path).replace(/-\d+(?=\.)/, '');

/** Makes and reads links that let whoever has one read one artefact, for a quarter of an hour. */
export class DownloadLinks {
  private readonly secret: Uint8Array;

  constructor(secret: string) {
    this.secret = new TextEncoder().encode(secret);
  }

  /** `path` as a service named it, never as a client did; `name`: what the file is saved as, its own if left out. */
  async make(path: string, name = ownName(path)): Promise<{ url: string; expiresAt: string }> {
    const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 + LIFETIME_S * 1000);
    const token = await new SignJWT({ name })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(AUDIENCE)
      .setSubject(path)
      .setExpirationTime(expiresAt)
      .sign(this.secret);
    return { url: `/download/${token}`, expiresAt: expiresAt.toISOString() };
  }

  /** The artefact's path, and what it is saved as. Throws jose's error for a forged link or one that is over. */
  async open(token: string): Promise<{ path: string; name: string }> {
    const { payload } = await jwtVerify(token, this.secret, { audience: AUDIENCE, algorithms: ['HS256'] });
    return { path: String(payload.sub), name: String(payload['name']) };
  }
}
