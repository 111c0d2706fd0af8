import { Observable } from 'rxjs';

/**
 * An async generator as the Observable that Nest's gRPC transport wants. When the caller goes away the
 * signal fires, so that a generator waiting for its next value ends too.
 */
export function toObservable<T>(source: (signal: AbortSignal) => AsyncIterable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const abort = new AbortController();
    const drain = async () => {
      for await (const value of source(abort.signal)) {
        if (abort.signal.aborted) return;
        subscriber.next(value);
      }
      subscriber.complete();
    };
    drain().catch((error: unknown) => {
      if (!abort.signal.aborted) subscriber.error(error);
    });
    return () => abort.abort();
  });
}
