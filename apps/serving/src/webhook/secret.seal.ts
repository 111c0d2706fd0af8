import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Of the key that is there without any being given. */
const MADE_KEY = 'principal';

/** A secret as the table has it. */
export interface Sealed {
  readonly secret: string;
  /** Null: as it was written before there were keys, in plain. */
  readonly secretKeyId: string | null;
}

/** Where a secret belongs: it opens nowhere else. */
export interface SecretPlace {
  readonly workspaceId: string;
  readonly webhookId: string;
}

/** Seals the secrets of webhooks with the newest key, and opens what any known key has sealed. */
export class SecretSeal {
  private readonly keys: ReadonlyMap<string, Buffer>;
  readonly newestKeyId: string;

  /** `given` newest first. A key made of the principals' secret seals where none is given, and goes on opening what it sealed. */
  constructor(given: ReadonlyMap<string, Buffer>, principalSecret: string) {
    this.newestKeyId = given.keys().next().value ?? MADE_KEY;
    this.keys = new Map([[MADE_KEY, Buffer.from(hkdfSync('sha256', principalSecret, '', 'kindred:webhook-secrets', 32))], ...given]);
  }

  seal(place: SecretPlace, secret: string): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.key(this.newestKeyId), nonce, { authTagLength: TAG_BYTES }).setAAD(aadOf(place));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return { secret: Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64'), secretKeyId: this.newestKeyId };
  }

  /** Throws where the key is not known, and where what is sealed was changed or belongs elsewhere. */
  open(place: SecretPlace, { secret, secretKeyId }: Sealed): string {
    if (secretKeyId === null) return secret;
    const bytes = Buffer.from(secret, 'base64');
    const decipher = createDecipheriv(CIPHER, this.key(secretKeyId), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(aadOf(place))
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  }

  private key(id: string): Buffer {
    const key = this.keys.get(id);
    if (!key) throw new Error(`the secret of a webhook is sealed with the key "${id}", which is not among WEBHOOK_SECRET_KEYS. Add it behind the newest one.`);
    return key;
  }
}

const aadOf = ({ workspaceId, webhookId }: SecretPlace) => Buffer.from(`${workspaceId}/${webhookId}`);
