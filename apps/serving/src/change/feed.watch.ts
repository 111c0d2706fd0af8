import type { ChangePlace } from './change.cursor.js';
import type { ChangeSignal } from './change.signal.js';

/** Rows held in memory per watcher. */
const CHUNK = 200;
const POLL_MS = 1_000;

/** Where a watcher's changes go; `ready` resolves when the consumer took what it was given. */
export interface Outlet {
  readonly signal: AbortSignal;
  ready(): Promise<void>;
}

/** A feed of changes, oldest first: at most `limit` of those after a place. */
export type ReadFeed<Row> = (place: ChangePlace, limit: number) => Promise<readonly Row[]>;

/** From a place on, without end: what lies in the tables first, then each change soon after it commits. */
export async function* watchFeed<Row extends { readonly xid: number; readonly sequence: number }>(
  read: ReadFeed<Row>,
  from: ChangePlace,
  { workspaceId, signal, outlet, stopping }: { workspaceId: string; signal: ChangeSignal; outlet: Outlet; stopping: AbortSignal },
): AsyncGenerator<Row> {
  let place = from;
  const gone = AbortSignal.any([outlet.signal, stopping]);
  while (!gone.aborted) {
    const seen = signal.seen(workspaceId);
    const rows = await read(place, CHUNK);
    for (const row of rows) {
      yield row;
      place = [row.xid, row.sequence];
    }
    await outlet.ready();
    if (rows.length < CHUNK) await signal.beyond(workspaceId, seen, POLL_MS, gone);
  }
}
