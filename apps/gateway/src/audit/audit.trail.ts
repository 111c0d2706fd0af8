import pRetry from 'p-retry';
import type { Logger } from 'pino';

import type { PrincipalSigner } from '#libs/auth';
import { jsonOf } from '#libs/grpc';

import type { Backends } from '../backend/backends.js';
import { readGlobalId } from '../graphql/global-id.js';
import type { Caller } from '../graphql/message.js';

const SECRET = /secret|password|token|authorization|writeKey/i;
/** What would outlive an erasure: whom it was of, and what their events say. */
const PERSONAL = /^(?:userId|anonymousId|previousId|traits|properties|context)$/;
/** What an event says as a whole: its size is told, nothing of it kept. */
const WHOLE = /^payload$/;
const LONGEST_LIST = 10;
const LONGEST_TEXT = 500;
const MOST_LEVELS = 64;
const ATTEMPTS = { retries: 3, minTimeout: 50, factor: 3 };

/** One mutation as it ended. */
export interface Deed {
  readonly action: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** What came out of it: its type and own id, empty where nothing did. */
  readonly made: string;
  /** OK, or the failure's code. */
  readonly outcome: string;
}

/** Writes who did what. The gateway does it as itself: a key cannot write the trail. */
export class AuditTrail {
  constructor(
    private readonly backends: Backends,
    private readonly signer: PrincipalSigner,
    private readonly log: Logger,
  ) {}

  /** Never fails: what was done is done, and an entry that could not be written is at least in the log. */
  async record(caller: Caller, deed: Deed): Promise<void> {
    const entry = {
      id: '',
      at: undefined,
      actor: caller.actor,
      action: deed.action,
      target: targetOf(deed),
      details: JSON.stringify(withoutSecrets(deed.args)),
      outcome: deed.outcome,
    };
    try {
      const principal = await this.signer.service('gateway', caller.workspaceId);
      await pRetry(() => this.backends.access.recordAudit({ entry }, { principal }), ATTEMPTS);
    } catch (error) {
      this.log.error({ err: error, entry, workspaceId: caller.workspaceId }, 'the audit trail could not be written');
    }
  }
}

/** What it was done to: the id that was given, or the id of what came out. */
function targetOf({ args, made }: Deed): string {
  const given = typeof args['id'] === 'string' ? readGlobalId(args['id']) : undefined;
  return given ? `${given.type}:${given.id}` : made;
}

/** Arguments as they may be kept: secrets and what is of persons left out, payloads measured, long lists counted, long texts and what lies deep cut. */
export function withoutSecrets(value: unknown, levels = MOST_LEVELS): unknown {
  if (typeof value === 'string') return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  const cut = (inner: unknown) => withoutSecrets(inner, levels - 1);
  if (Array.isArray(value)) return value.length > LONGEST_LIST ? { count: value.length } : value.map(cut);
  const kept = Object.entries(value).filter(([name]) => !SECRET.test(name) && !PERSONAL.test(name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, WHOLE.test(name) ? sizeOf(inner) : cut(inner)]));
}

const sizeOf = (payload: unknown) => ({ bytes: Buffer.byteLength(jsonOf(payload)) });
