import DataLoader from 'dataloader';

/** As many as the services take in one call. */
export const MOST_AT_ONCE = 500;
/** A read that takes longer holds up no others. */
const PATIENCE_MS = 100;

export type Gathered<Key, Value> = (key: Key) => Promise<Value>;

/**
 * Makes of what many requests ask for at the same time few calls: while a read is under way, further keys gather and go in the next one.
 * Nothing is kept, and no read begins before what it answers was asked for, so every answer is as fresh as if it had been asked for alone;
 * and who asks alone does not wait. Where only some of the keys of a read fail, theirs are errors.
 */
export function gather<Key, Value>(read: (keys: readonly Key[]) => Promise<(Value | Error)[]>): Gathered<Key, Value> {
  const turns = new Turns();
  const loader = new DataLoader<Key, Value>((keys) => turns.take(read(keys)), {
    cache: false,
    maxBatchSize: MOST_AT_ONCE,
    batchScheduleFn: (begin) => turns.await(begin),
  });
  return (key) => loader.load(key);
}

/** When the reads of one kind begin. */
class Turns {
  /** Those that are held back. */
  private held: Held[] = [];
  private underWay = 0;

  /** A read begins when it is its turn. */
  await(begin: () => void): void {
    if (this.underWay === 0) beginSoon(begin);
    else this.held.push(new Held(begin));
  }

  /** A read that has begun. */
  async take<Values>(read: Promise<Values>): Promise<Values> {
    this.underWay += 1;
    try {
      return await read;
    } finally {
      this.underWay -= 1;
      const { held } = this;
      this.held = [];
      for (const one of held) one.release();
    }
  }
}

/** A read that waits for others, but not for long. */
class Held {
  private readonly atTheLatest = setTimeout(() => this.release(), PATIENCE_MS);
  private isHeld = true;

  constructor(private readonly begin: () => void) {}

  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    clearTimeout(this.atTheLatest);
    beginSoon(this.begin);
  }
}

/** Behind whatever came in at the same time, and all that is resolved already: fields of one level of an answer ask in promises of their own. */
function beginSoon(begin: () => void): void {
  setImmediate(begin);
}
