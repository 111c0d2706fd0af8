import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';
import { PromoteModelDocument, RollbackModelDocument, type ModelPartFragment } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { explain } from '../session/problem';
import { useMay } from '../session/viewer';

type Outcome = { __typename: 'Model'; version: number } | { __typename: string; message: string } | undefined;

function isModel(outcome: Outcome): outcome is { __typename: 'Model'; version: number } {
  return outcome?.__typename === 'Model';
}

/** Makes a model the champion, after asking. */
export function PromoteButton({ model }: { model: Pick<ModelPartFragment, 'id' | 'version' | 'state' | 'segmentCount'> }): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const [{ fetching }, promote] = useMutation(PromoteModelDocument);
  const mayPromote = useMay('ADMIN');
  const finish = useFinish(() => setAsking(false));
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
          busy={fetching}
          problem={finish.problem}
          onClose={() => setAsking(false)}
          onConfirm={() => void promote({ id: model.id }).then(({ data, error }) => finish.with(data?.promoteModel, error && explain(error).remedy))}
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
  const [{ fetching }, rollback] = useMutation(RollbackModelDocument);
  const mayRollBack = useMay('ADMIN');
  const finish = useFinish(() => setAsking(false));
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
          busy={fetching}
          problem={finish.problem}
          onClose={() => setAsking(false)}
          onConfirm={() => void rollback({}).then(({ data, error }) => finish.with(data?.rollbackModel, error && explain(error).remedy))}
        >
          <p>Everyone returns to the segments of the champion before this one. The present model stays, and can be promoted again.</p>
        </Dialog>
      )}
    </>
  );
}

function useFinish(close: () => void): { problem: string | undefined; with: (outcome: Outcome, failure: string | undefined) => void } {
  const [problem, setProblem] = useState<string>();
  const say = useSay();
  return {
    problem,
    with: (outcome, failure) => {
      if (isModel(outcome)) {
        say(`Model v${outcome.version} is served now.`);
        setProblem(undefined);
        close();
      } else setProblem(failure ?? (outcome && 'message' in outcome ? outcome.message : undefined));
    },
  };
}
