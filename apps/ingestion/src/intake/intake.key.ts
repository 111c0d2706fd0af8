import { mayAct, type Principal } from '#libs/auth';

/** What the intake asks of the ring of keys. */
export interface KeyReader {
  identify(key: string): (Principal & { workspaceId: string }) | undefined;
  /** False until the first keys came: an unknown key is then not known to be unknown. */
  readonly isKnown: boolean;
}

export class UnknownKeyError extends Error {}
export class ForbiddenKeyError extends Error {}
export class NotReadyError extends Error {
  readonly retryAfterSeconds = 1;
}

/** Who sends: the first of the presented keys that is known decides. */
export function principalOf(keys: KeyReader, presented: readonly string[]): Principal & { workspaceId: string } {
  for (const key of presented) {
    const principal = keys.identify(key);
    if (principal && mayAct(principal.role, 'INTAKE')) return principal;
    if (principal) throw new ForbiddenKeyError('This key may read, but not send events. Use a write key.');
  }
  if (!keys.isKnown) throw new NotReadyError('The keys are not loaded yet. Send again in a moment.');
  throw new UnknownKeyError(
    presented.length === 0 ? 'No write key: send it as Basic or Bearer authorization, or as "writeKey".' : 'This write key is not known.',
  );
}
