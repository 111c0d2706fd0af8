import type { Readable } from 'node:stream';

/** What kinds of things are kept; each has a folder of its own in every workspace. */
export type ArtifactArea = 'uploads' | 'snapshots' | 'models' | 'heads' | 'exports' | 'archives';

export interface StoredArtifact {
  /** Relative to the store: `<workspace>/<area>/<id>/<name>`; made here, never chosen by a client. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** What lies under one id: one file, or several that belong together. */
export interface StoredFolder {
  /** `<workspace>/<area>/<id>` */
  readonly path: string;
  readonly changedAt: Date;
}

/** Why an artefact could not be written or read, and what to do. */
export class ArtifactError extends Error {
  constructor(
    readonly reason: 'NO_SPACE' | 'TOO_LARGE' | 'EXISTS' | 'MISSING' | 'HASH_MISMATCH',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ArtifactError';
  }
}

/** Files that are written once and never changed. A reader never sees half of one. */
export interface ArtifactStore {
  /** `<store>/<workspace>/<area>/<id>`: a directory for the worker, which writes several files itself. Made if absent. */
  directory(workspaceId: string, area: ArtifactArea, id: string): Promise<string>;
  /** URI of an artefact or directory of this store. */
  uri(path: string): string;
  /** Writes a stream to a fresh place. Rejects with EXISTS, TOO_LARGE or NO_SPACE and then leaves nothing. */
  write(
    place: { workspaceId: string; area: ArtifactArea; id: string; name: string },
    content: Readable,
    limits?: { maxBytes?: number },
  ): Promise<StoredArtifact>;
  read(path: string): Promise<Readable>;
  exists(path: string): Promise<boolean>;
  /** What an area of a workspace holds, by id; `changedAt`: when something last came in there. */
  list(workspaceId: string, area: ArtifactArea): Promise<StoredFolder[]>;
  /** A file on this machine with the artefact's content, for libraries that want one (DuckDB). */
  localFile(path: string): Promise<string>;
  /** The same for a URI that another service named; it must lie below this store. */
  localFileOf(uri: string): Promise<string>;
  /**
   * A file on this machine with the artefact's content, seen to be as it was written; rejects with HASH_MISMATCH or
   * MISSING. It is hashed when it is first asked for, and again when it changed.
   */
  checkedFile(path: string, sha256: string): Promise<string>;
  /** Rejects with HASH_MISMATCH or MISSING. `uri` may name any file below this store. */
  verify(uri: string, sha256: string): Promise<void>;
  /** Removes a directory and all in it (a run that was cancelled, a snapshot nobody needs), with its copies on this machine. */
  remove(uri: string): Promise<void>;
  /** Drops copies on this machine that nobody has asked for since, also of what another machine removed. */
  dropCopies(since: Date): Promise<void>;
}
