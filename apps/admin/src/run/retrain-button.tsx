import { useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { useMutation } from 'urql';
import { StartRunDocument } from '../gen/graphql';
import { useSay } from '../parts/toast';
import { explain } from '../session/problem';
import { useMay } from '../session/viewer';
import { useLiveRun } from './live-run';
import { isEnded } from './state';

/** Starts a run with the defaults for the data; where one is going on already, leads there. */
export function RetrainButton(): ReactNode {
  const { run, follow } = useLiveRun();
  const [{ fetching }, start] = useMutation(StartRunDocument);
  const [isAsked, setAsked] = useState(false);
  const mayRetrain = useMay('EDITOR');
  const say = useSay();
  const isGoing = run !== undefined && !isEnded(run);

  const press = async (): Promise<void> => {
    setAsked(true);
    const { data, error } = await start({});
    setAsked(false);
    if (error) return say(`${explain(error).title}. ${explain(error).remedy}`, 'bad');
    const result = data?.startTrainingRun;
    if (result?.__typename === 'TrainingRun') {
      follow(result);
      say('Retraining has begun. What is served stays as it is until the new model is promoted.');
    } else if (result?.__typename === 'RunActive') {
      say(
        <>
          A run is going on already.{' '}
          {result.run && <Link to={`/runs/${encodeURIComponent(result.run.id)}`}>Follow it</Link>}
        </>,
      );
    } else if (result) say(result.message, 'bad');
  };

  if (!mayRetrain) return null;
  return (
    <button type="button" className="button primary" onClick={() => void press()} disabled={isGoing || fetching || isAsked}>
      {isGoing ? 'Retraining …' : 'Retrain'}
    </button>
  );
}
