import { useRef, useState } from 'react';
import { ReplayRejectedEventsDocument, type RejectedEventSelection } from '../gen/graphql';
import { useAsk } from '../session/action';

const AT_ONCE = 100;

export interface Replayed {
  readonly stored: number;
  readonly duplicate: number;
  readonly stillRejected: number;
  /** Of one that is refused still: what is wrong with it. */
  readonly detail: string | null;
}

export interface Replay {
  /** So far; undefined before the first answer. */
  readonly replayed: Replayed | undefined;
  readonly isRunning: boolean;
  readonly problem: string | undefined;
  /** Goes through all that is selected, some at a time, and resolves when it has ended or was stopped: whether nothing went wrong. `mapping`: in place of their import's. */
  readonly begin: (selection: RejectedEventSelection, mapping?: unknown) => Promise<boolean>;
  /** What was replayed until then stays so. */
  readonly stop: () => void;
}

/** Replays refused events until none is left behind the last one; twice is as once. */
export function useReplay(): Replay {
  const [replayed, setReplayed] = useState<Replayed>();
  const [isRunning, setRunning] = useState(false);
  const [problem, setProblem] = useState<string>();
  const stopped = useRef(false);
  const { ask } = useAsk(ReplayRejectedEventsDocument, 'RejectedEventsReplayed');

  const begin = async (selection: RejectedEventSelection, mapping?: unknown): Promise<boolean> => {
    stopped.current = false;
    setRunning(true);
    setProblem(undefined);
    setReplayed(undefined);
    let sum: Replayed = { stored: 0, duplicate: 0, stillRejected: 0, detail: null };
    let after: string | null = null;
    do {
      const answer: Awaited<ReturnType<typeof ask>> = await ask({ input: { selection, first: AT_ONCE, after, mapping } });
      if ('problem' in answer) {
        setProblem(answer.problem);
        setRunning(false);
        return false;
      }
      const { stored, duplicate, stillRejected, results, endCursor } = answer.done;
      sum = {
        stored: sum.stored + stored,
        duplicate: sum.duplicate + duplicate,
        stillRejected: sum.stillRejected + stillRejected,
        detail: sum.detail ?? results.find(({ detail }) => detail)?.detail ?? null,
      };
      setReplayed(sum);
      after = endCursor;
    } while (after !== null && !stopped.current);
    setRunning(false);
    return true;
  };

  return { replayed, isRunning, problem, begin, stop: () => (stopped.current = true) };
}
