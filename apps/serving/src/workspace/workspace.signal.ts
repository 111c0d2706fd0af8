import { EventEmitter, once } from 'node:events';

const RAISED = Symbol('raised');

/**
 * Wakes who waits for something of a workspace. It only ever says "look again": whoever waits reads `seen`
 * first, then looks, then waits for what was raised after `seen`, so that nothing slips in between.
 */
export class WorkspaceSignal {
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private readonly raised = new Map<string, number>();

  raise(workspaceId: string): void {
    this.raised.set(workspaceId, this.seen(workspaceId) + 1);
    this.emitter.emit(workspaceId);
    this.emitter.emit(RAISED, workspaceId);
  }

  /** Tells of every workspace that is raised, until the answered function is called. */
  listen(listener: (workspaceId: string) => void): () => void {
    this.emitter.on(RAISED, listener);
    return () => void this.emitter.off(RAISED, listener);
  }

  seen(workspaceId: string): number {
    return this.raised.get(workspaceId) ?? 0;
  }

  /** Resolves once something was raised beyond `seen`, after `timeoutMs`, or when `signal` fires. */
  async beyond(workspaceId: string, seen: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.seen(workspaceId) > seen || signal.aborted) return;
    const abort = new AbortController();
    const stop = () => abort.abort();
    const timer = setTimeout(stop, timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await once(this.emitter, workspaceId, { signal: abort.signal });
    } catch {
      // Time is up, or the waiter goes: both mean "look again".
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}
