import DataLoader from 'dataloader';

/** As many as the services take in one call. */
export const MOST_AT_ONCE = 500;
/** A read that takes longer holds up no others. */
const PATIENCE_MS = 100;

export type Gathered<Key, Value> = (key: Key) => Promise<Value>;

/**
 * Makes of what many requests ask for at the same time few calls: while a read is under way, further keys
 * gather and go in the next one. Nothing is kept, and no read begins before what it answers was asked for, so
 * every answer is as fresh as if it had been asked for alone; and who asks alone does not wait.
 */
export function gather<Key, Value>(read: (keys: readonly Key[]) => Promise<Value[]>): Gathered<Key, Value> {
  let underWay = 0;
  const waiting = new Set<() => void>();
  const schedule = (dispatch: () => void) => {
    // Behind all that is resolved already, whatever asked: fields of one level of an answer ask in promises of their own.
    if (underWay === 0) return void Promise.resolve().then(() => process.nextTick(dispatch));
    const go = () => {
      clearTimeout(timer);
      waiting.delete(go);
      dispatch();
    };
    const timer = setTimeout(go, PATIENCE_MS);
    waiting.add(go);
  };
  const loader = new DataLoader<Key, Value>(
    async (keys) => {
      underWay += 1;
      try {
        return await read(keys);
      } finally {
        underWay -= 1;
        for (const go of waiting) go();
      }
    },
    { cache: false, maxBatchSize: MOST_AT_ONCE, batchScheduleFn: schedule },
  );
  return (key) => loader.load(key);
}
