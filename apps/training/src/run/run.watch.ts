import { Injectable } from '@nestjs/common';
import { defer, distinctUntilChanged, exhaustMap, filter, finalize, map, type Observable, retry, share, startWith, switchMap, takeWhile, timer } from 'rxjs';

import type { training } from '#libs/contracts';

import { toRun } from './run.mapper.js';
import { RunRepository } from './run.repository.js';
import { isTerminal } from './run.states.js';

const LOOK_EVERY_MS = 250;
/** Postgres may be away for a while: watchers wait with us. */
const PATIENCE_MS = 1_000;

/**
 * Runs as they change, for any number of watchers, on any replica: per watched run one look at its revision
 * four times a second, and one read of the whole row when that has changed.
 */
@Injectable()
export class RunWatch {
  private readonly watched = new Map<string, Observable<training.Run>>();

  constructor(private readonly repository: RunRepository) {}

  /** The run now, then on every change; completes with its end, at once where it has ended. */
  watch(workspaceId: string, id: string): Observable<training.Run> {
    const changes = this.watched.get(id) ?? this.follow(workspaceId, id);
    return defer(() => this.repository.get(workspaceId, id)).pipe(
      retry({ delay: PATIENCE_MS }),
      filter((row) => row !== null),
      switchMap((row) => {
        const now = { run: toRun(row), revision: row.revision, isOver: isTerminal(row.state) };
        return now.isOver ? [now.run] : changes.pipe(startWith(now.run));
      }),
    );
  }

  private follow(workspaceId: string, id: string): Observable<training.Run> {
    const changes = timer(LOOK_EVERY_MS, LOOK_EVERY_MS).pipe(
      exhaustMap(() => this.repository.revision(workspaceId, id)),
      distinctUntilChanged(),
      exhaustMap(() => this.repository.get(workspaceId, id)),
      filter((row) => row !== null),
      retry({ delay: PATIENCE_MS }),
      takeWhile((row) => !isTerminal(row.state), true),
      map(toRun),
      finalize(() => this.watched.delete(id)),
      share(),
    );
    this.watched.set(id, changes);
    return changes;
  }
}
