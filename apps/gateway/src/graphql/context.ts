import type { ArtifactStore } from '#libs/artifacts';
import type { PrincipalSigner } from '#libs/auth';

import type { AuditTrail } from '../audit/audit.trail.js';
import type { Backends } from '../backend/backends.js';
import type { BackendsByCaller, CallerReads } from '../backend/caller.reads.js';
import type { DownloadLinks } from '../download/download.link.js';
import type { KnownOperations } from '../operation/known.operations.js';
import type { UploadLinks } from '../upload/upload.link.js';
import { type Loaders, makeLoaders } from './loaders.js';
import type { Caller } from './message.js';

/** What does not change from request to request. */
export interface GatewayParts {
  readonly backends: Backends;
  readonly callers: BackendsByCaller;
  readonly signer: PrincipalSigner;
  readonly audit: AuditTrail;
  readonly uploads: UploadLinks;
  readonly downloads: DownloadLinks;
  readonly artifacts: ArtifactStore;
  /** From the moment that Apollo has its schema. */
  known: KnownOperations | undefined;
}

/** What a resolver has at hand: who calls, the services signed for them, and the request's loaders. */
export interface GatewayContext {
  readonly caller: Caller;
  readonly rpc: Backends;
  /** Shared with the caller's other requests, nothing kept. */
  readonly reads: CallerReads;
  readonly loaders: Loaders;
  readonly audit: AuditTrail;
  readonly uploads: UploadLinks;
  readonly downloads: DownloadLinks;
  readonly artifacts: ArtifactStore;
  /** When all of this was asked for: nothing that answers it was read before. Milliseconds since 1970. */
  readonly askedAt: number;
  /** The same caller's, with nothing loaded and signed anew: a subscription outlives what it began with. */
  renewed(): Promise<GatewayContext>;
}

/** What a caller is known by: two of whom it is the same are told the same. */
export function actorOf({ workspaceId, actor, role }: Caller): string {
  return `${workspaceId}|${actor}|${role}`;
}

export async function contextOf(parts: GatewayParts, caller: Caller): Promise<GatewayContext> {
  const { rpc, reads } = parts.callers.of(actorOf(caller), await parts.signer.sign(caller));
  return new RequestContext(caller, rpc, reads, parts);
}

class RequestContext implements GatewayContext {
  readonly loaders: Loaders;
  readonly askedAt = Date.now();

  constructor(
    readonly caller: Caller,
    readonly rpc: Backends,
    readonly reads: CallerReads,
    private readonly parts: GatewayParts,
  ) {
    this.loaders = makeLoaders(reads);
  }

  get audit() {
    return this.parts.audit;
  }
  get uploads() {
    return this.parts.uploads;
  }
  get downloads() {
    return this.parts.downloads;
  }
  get artifacts() {
    return this.parts.artifacts;
  }

  renewed(): Promise<GatewayContext> {
    return contextOf(this.parts, this.caller);
  }
}
