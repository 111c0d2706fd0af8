/** Bytes of requests that may be held at once, so that many large bodies cannot fill the memory. */
export class ByteBudget {
  private held = 0;

  constructor(private readonly limit: number) {}

  /** False above the limit; a single request always fits into an idle intake. */
  take(bytes: number): boolean {
    if (this.held > 0 && this.held + bytes > this.limit) return false;
    this.held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }
}
