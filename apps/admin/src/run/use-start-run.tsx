import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useMutation } from 'urql';
import { StartRunDocument, type StartTrainingRunInput } from '../gen/graphql';
import { useSay } from '../parts/toast';
import { explain } from '../session/problem';
import { useLiveRun } from './live-run';

/** Starts a run and follows it. What came of it, unless it began, is answered in words. */
export function useStartRun(): { isStarting: boolean; start: (input?: StartTrainingRunInput) => Promise<ReactNode | undefined> } {
  const { follow } = useLiveRun();
  const [{ fetching }, ask] = useMutation(StartRunDocument);
  const say = useSay();
  const start = async (input?: StartTrainingRunInput): Promise<ReactNode | undefined> => {
    const { data, error } = await ask({ input });
    if (error) return `${explain(error).title}. ${explain(error).remedy}`;
    const result = data?.startTrainingRun;
    if (result?.__typename === 'TrainingRun') {
      follow(result);
      say('Retraining has begun. What is served stays as it is until the new model is promoted.');
      return undefined;
    }
    if (result?.__typename === 'RunActive')
      return (
        <>
          A run is going on already. {result.run && <Link to={`/runs/${encodeURIComponent(result.run.id)}`}>Follow it</Link>}
        </>
      );
    return result?.message;
  };
  return { isStarting: fetching, start };
}
