import { useState, type ReactNode } from 'react';
import { useSay } from '../parts/toast';
import { useMay } from '../session/viewer';
import { useLiveRun } from './live-run';
import type { Spec } from './spec-draft';
import { SpecDialog } from './spec-dialog';
import { isEnded } from './state';
import { useStartRun } from './use-start-run';

/** Starts a run with the defaults for the data. */
export function RetrainButton(): ReactNode {
  const { run } = useLiveRun();
  const { isStarting, start } = useStartRun();
  const mayRetrain = useMay('EDITOR');
  const say = useSay();
  const isGoing = run !== undefined && !isEnded(run);
  const press = async (): Promise<void> => {
    const problem = await start();
    if (problem) say(problem, 'bad');
  };
  if (!mayRetrain) return null;
  return (
    <button type="button" className="button primary" onClick={() => void press()} disabled={isGoing || isStarting}>
      {isGoing ? 'Retraining …' : 'Retrain'}
    </button>
  );
}

/** Opens what can be chosen of a run; as an earlier one had it, where `spec` is given. */
export function ChooseButton({ spec }: { spec?: Spec }): ReactNode {
  const { run } = useLiveRun();
  const [isOpen, setOpen] = useState(false);
  const mayRetrain = useMay('EDITOR');
  const isGoing = run !== undefined && !isEnded(run);
  if (!mayRetrain) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)} disabled={isGoing}>
        {spec ? 'Again, changed …' : 'Choose what to train …'}
      </button>
      {isOpen && <SpecDialog spec={spec} onClose={() => setOpen(false)} />}
    </>
  );
}
