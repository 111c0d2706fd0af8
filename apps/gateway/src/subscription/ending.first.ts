/** The same values; told to end, what they come from is ended first. A generator that waits for its next value would not hear of it. */
export function endingFirst<Value>(values: AsyncGenerator<Value, undefined>, end: () => unknown): AsyncIterableIterator<Value, undefined> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => values.next(),
    return: async () => {
      await end();
      await values.return(undefined);
      return { done: true, value: undefined };
    },
    throw: async (error: unknown) => {
      await end();
      await values.return(undefined);
      throw error;
    },
  };
}
