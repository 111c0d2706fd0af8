import { useEffect, useRef } from 'react';
import { useQuery, type AnyVariables, type CombinedError, type TypedDocumentNode } from 'urql';
import { useGeneration } from './generation';

export interface Reading<Data> {
  /** What is known, also while a newer answer is on its way or after one has failed. */
  data: Data | undefined;
  error: CombinedError | undefined;
  isLoading: boolean;
  again: () => void;
}

/** A query that reads anew whenever what is served has changed (see generation.ts), and every `everyMs` while the page is looked at. */
export function useReading<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  options: { pause?: boolean; everyMs?: number } = {},
): Reading<Data> {
  const { pause = false, everyMs } = options;
  const generation = useGeneration();
  // urql infers tuple arguments from `Variables`; which is not known here.
  const [result, execute] = useQuery<Data, AnyVariables>({ query: query as TypedDocumentNode<Data, AnyVariables>, variables, pause });
  // Of which generation the answer is; nothing shown depends on it, so that keeping it draws nothing anew.
  const read = useRef(generation);

  useEffect(() => {
    if (pause || read.current === generation) return;
    read.current = generation;
    execute({ requestPolicy: 'network-only' });
  }, [execute, generation, pause]);

  useEffect(() => {
    if (pause || !everyMs) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') execute({ requestPolicy: 'network-only' });
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, execute, pause]);

  return {
    data: result.data,
    error: result.error,
    isLoading: result.fetching && !result.data,
    again: () => execute({ requestPolicy: 'network-only' }),
  };
}
