import { useState, type ReactNode } from 'react';
import { PromoteModelDocument, RollbackModelDocument, type ModelPartFragment } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useMay } from '../session/viewer';

/** Makes a model the champion, after asking. */
export function PromoteButton({ model }: { model: Pick<ModelPartFragment, 'id' | 'version' | 'state' | 'segmentCount'> }): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const { isBusy, problem, run } = useFormAction(PromoteModelDocument, 'Model');
  const mayPromote = useMay('ADMIN');
  const say = useSay();
  const confirm = async (): Promise<void> => {
    const served = await run({ id: model.id });
    if (!served) return;
    say(`Model v${served.version} is served now.`);
    setAsking(false);
  };
  if (!mayPromote) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        Promote
      </button>
      {isAsking && (
        <Dialog
          title={`Serve model v${model.version}?`}
          confirm="Promote"
          busy={isBusy}
          problem={problem}
          onClose={() => setAsking(false)}
          onConfirm={() => void confirm()}
        >
          <p>
            Every customer is in its {model.segmentCount} segments from the same moment on. Segments that live on keep their ids and names. You
            can roll back at any time.
          </p>
          {model.state === 'HELD' && <p className="problem">Its evaluation held it back. Promote it only if you know why.</p>}
        </Dialog>
      )}
    </>
  );
}

/** Serves the champion before the present one again, after asking. */
export function RollbackButton(): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const { isBusy, problem, run } = useFormAction(RollbackModelDocument, 'Model');
  const mayRollBack = useMay('ADMIN');
  const say = useSay();
  const confirm = async (): Promise<void> => {
    const served = await run({});
    if (!served) return;
    say(`Model v${served.version} is served now.`);
    setAsking(false);
  };
  if (!mayRollBack) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        Roll back
      </button>
      {isAsking && (
        <Dialog
          title="Serve the former model again?"
          confirm="Roll back"
          busy={isBusy}
          problem={problem}
          onClose={() => setAsking(false)}
          onConfirm={() => void confirm()}
        >
          <p>Everyone returns to the segments of the champion before this one. The present model stays, and can be promoted again.</p>
        </Dialog>
      )}
    </>
  );
}
