import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';

/** A text as it is kept where it must be known again and must not be read: without the secret nobody can tell what it was. */
export type KeyedDigest = (workspaceId: string, text: string) => Buffer;

/** Each with a key of its own. */
export interface KeyedDigests {
  /** Of ids of people who asked to be left alone. */
  readonly id: KeyedDigest;
  /** Of message ids of what is forgotten. */
  readonly messageId: KeyedDigest;
}

export function digestsBy(secret: string): KeyedDigests {
  return { id: digestBy(secret, 'kindred:suppressed-ids'), messageId: digestBy(secret, 'kindred:erased-message-ids') };
}

function digestBy(secret: string, info: string): KeyedDigest {
  // As bytes the key would be made anew for each digest, which costs several times as much as the rest.
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', info, 32)));
  return (workspaceId, text) => createHmac('sha256', key).update(`${workspaceId}\0${text}`).digest();
}
