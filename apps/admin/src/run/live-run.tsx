import { createContext, use, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useSubscription } from 'urql';
import { NewestRunDocument, RunUpdatedDocument } from '../gen/graphql';
import { GenerationContext } from '../session/generation';
import { useReading } from '../session/reading';
import { isEnded, type Run } from './state';

interface LiveRun {
  /** The newest run as it stands now; a workspace has one going at a time. */
  run: Run | undefined;
  /** To be told of a run that this page started, without waiting for the next look. */
  follow: (run: Run) => void;
}

const LiveRunContext = createContext<LiveRun>({ run: undefined, follow: () => undefined });
/** Runs are also started elsewhere, and models promoted: how often to look. */
const LOOK_MS = 5000;

export function useLiveRun(): LiveRun {
  return use(LiveRunContext);
}

/** A run as it stands now, where it is the one that goes on; else as it was read. */
export function useLive(run: Run): Run {
  const { run: live } = useLiveRun();
  return live?.id === run.id ? live : run;
}

/** Follows the run that goes on, for the whole page, over one subscription; when it ends, everything shown is read anew. */
export function LiveRunProvider({ children }: { children: ReactNode }): ReactNode {
  const [generation, setGeneration] = useState(0);
  const [followed, setFollowed] = useState<Run>();
  const looked = useReading(NewestRunDocument, {}, { everyMs: LOOK_MS });
  const found = looked.data?.trainingRuns.nodes[0];
  const newest = followed && (!found || followed.createdAt >= found.createdAt) && followed.id !== found?.id ? followed : (found ?? followed);

  const [{ data }] = useSubscription({ query: RunUpdatedDocument, variables: { id: newest?.id ?? '' }, pause: !newest || isEnded(newest) });
  const update = data?.trainingRunUpdated;
  const run = update && update.id === newest?.id && !(newest && isEnded(newest)) ? update : newest;

  // A run that was seen going and is now seen ended has changed what is served.
  const wasGoing = useRef<string>(undefined);
  useEffect(() => {
    if (!run) return;
    if (!isEnded(run)) wasGoing.current = run.id;
    else if (wasGoing.current === run.id) {
      wasGoing.current = undefined;
      setGeneration((before) => before + 1);
    }
  }, [run]);

  // A model is promoted a moment after its run has ended, or by somebody else.
  const champion = looked.data?.model?.id;
  const served = useRef<string>(undefined);
  useEffect(() => {
    if (!looked.data) return;
    if (served.current !== undefined && served.current !== (champion ?? '')) setGeneration((before) => before + 1);
    served.current = champion ?? '';
  }, [champion, looked.data]);

  const value = useMemo(() => ({ run, follow: setFollowed }), [run]);
  return (
    <GenerationContext value={generation}>
      <LiveRunContext value={value}>{children}</LiveRunContext>
    </GenerationContext>
  );
}
