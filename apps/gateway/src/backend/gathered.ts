import DataLoader from 'dataloader';

/** Reads of one kind under way for one caller; what is asked beyond waits a moment and goes together. */
const UNDER_WAY = 2;
/** As many as the services take in one call. */
export const MOST_AT_ONCE = 500;

export type Gathered<Key, Value> = (key: Key) => Promise<Value>;

/**
 * Makes of what many requests ask for at the same time few calls: while reads are under way, further keys
 * gather and go in the next one. Nothing is kept, and no read begins before what it answers was asked for, so
 * every answer is as fresh as if it had been asked for alone; and who asks alone does not wait.
 */
export function gather<Key, Value>(read: (keys: readonly Key[]) => Promise<Value[]>): Gathered<Key, Value> {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  const begin = (dispatch: () => void) => {
    if (underWay < UNDER_WAY) process.nextTick(dispatch);
    else waiting.push(dispatch);
  };
  const loader = new DataLoader<Key, Value>(
    async (keys) => {
      underWay += 1;
      try {
        return await read(keys);
      } finally {
        underWay -= 1;
        waiting.shift()?.();
      }
    },
    { cache: false, maxBatchSize: MOST_AT_ONCE, batchScheduleFn: begin },
  );
  return (key) => loader.load(key);
}
