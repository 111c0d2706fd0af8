/** Bytes of requests that may be held at once, so that many large bodies cannot fill the memory. */
export class ByteBudget {
  private held = 0;

  constructor(private readonly limit: number) {}

  /** What one request takes of the budget. */
  share(): ByteShare {
    let own = 0;
    return {
      take: (bytes) => {
        // A single request always fits into an idle intake.
        if (this.held > own && this.held + bytes > this.limit) return false;
        this.held += bytes;
        own += bytes;
        return true;
      },
      release: () => {
        this.held -= own;
        own = 0;
      },
    };
  }
}

export interface ByteShare {
  /** False above the limit. */
  take(bytes: number): boolean;
  release(): void;
}
