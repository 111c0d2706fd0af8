import DataLoader from 'dataloader';

/** As many as the services take in one call. */
export const MOST_AT_ONCE = 500;
/** A read that takes longer holds up no others. */
const PATIENCE_MS = 100;
/**
 * In a crowd, reads begin so far apart, unless enough gather before. A call costs three processes the same for one key as for many, about a
 * millisecond of a core: at half of the load that a machine can bear, small calls would take all of it.
 */
const PACE_MS = 8;
const ENOUGH_FOR_A_CALL = 12;
/** Two meet by chance: nobody waits for that, where there is room for small calls. */
const CROWD = 3;

export type Gathered<Key, Value> = (key: Key) => Promise<Value>;

/**
 * Makes of what many requests ask for at the same time few calls: while a read is under way, and in a crowd for a moment after it began,
 * further keys gather and go in the next one. Nothing is kept, and no read begins before what it answers was asked for, so every answer is
 * as fresh as if it had been asked for alone; and who asks alone does not wait. Where only some of the keys of a read fail, theirs are errors.
 */
export function gather<Key, Value>(read: (keys: readonly Key[]) => Promise<(Value | Error)[]>): Gathered<Key, Value> {
  const turns = new Turns();
  const loader = new DataLoader<Key, Value>((keys) => turns.take(keys.length, read(keys)), {
    cache: false,
    maxBatchSize: MOST_AT_ONCE,
    batchScheduleFn: (begin) => turns.await(begin),
  });
  return (key) => {
    const value = loader.load(key);
    turns.join();
    return value;
  };
}

/** When the reads of one kind begin. */
class Turns {
  /** Those that are held back, each with what begins it at the latest. */
  private readonly held = new Map<() => void, NodeJS.Timeout>();
  private underWay = 0;
  private keysWaiting = 0;
  private last = { keys: 0, beganAt: 0 };

  /** A read begins when it is its turn. */
  await(begin: () => void): void {
    this.hold(begin, this.underWay > 0 ? PATIENCE_MS : this.pause());
  }

  /** One more key waits. */
  join(): void {
    this.keysWaiting += 1;
    if (this.keysWaiting === ENOUGH_FOR_A_CALL && this.underWay === 0) this.goOn();
  }

  /** A read that has begun, of so many keys. */
  async take<Values>(keys: number, read: Promise<Values>): Promise<Values> {
    this.keysWaiting -= keys;
    this.underWay += 1;
    this.last = { keys, beganAt: performance.now() };
    try {
      return await read;
    } finally {
      this.underWay -= 1;
      this.goOn();
    }
  }

  private hold(begin: () => void, ms: number): void {
    // Behind whatever came in at the same time, and all that is resolved already: fields of one level of an answer ask in promises of their own.
    if (ms < 1) setImmediate(begin);
    else this.held.set(begin, setTimeout(() => this.release(begin, 0), ms));
  }

  private goOn(): void {
    const all = Array.from(this.held.keys());
    for (const begin of all) this.release(begin, this.pause());
  }

  private release(begin: () => void, ms: number): void {
    clearTimeout(this.held.get(begin));
    this.held.delete(begin);
    this.hold(begin, ms);
  }

  /** Milliseconds until the next read is worth a call. */
  private pause(): number {
    // Where enough came while the last but one was under way, they will again.
    const isWorthIt = this.last.keys >= CROWD && this.last.keys < ENOUGH_FOR_A_CALL && this.keysWaiting < ENOUGH_FOR_A_CALL;
    return isWorthIt ? this.last.beganAt + PACE_MS - performance.now() : 0;
  }
}
