import { createHmac, hkdfSync } from 'node:crypto';

/** An id as the list of suppressed ones keeps it: without the secret it cannot be told from the list who is in it. */
export type IdDigest = (workspaceId: string, id: string) => Buffer;

export function digestBy(secret: string): IdDigest {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'kindred:suppressed-ids', 32));
  return (workspaceId, id) => createHmac('sha256', key).update(`${workspaceId}\0${id}`).digest();
}
