import { useState, type ReactNode } from 'react';
import { AddLabelsDocument, type AddLabelsMutation } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { useAsk } from '../session/action';
import { FILE_ENDINGS, useUpload } from '../upload/use-upload';
import { count } from '../wording/figure';
import type { LabelSet } from './label-set';

type Added = Extract<AddLabelsMutation['addLabels'], { __typename: 'LabelsAdded' }>;

interface AddLabelsDialogProps {
  set: LabelSet;
  onClose: () => void;
  onChanged: () => void;
}

/** Sends a file of labels; lines that cannot be used are shown with their reason. */
export function AddLabelsDialog({ set, onClose, onChanged }: AddLabelsDialogProps): ReactNode {
  const [file, setFile] = useState<File>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [added, setAdded] = useState<Added>();
  const sendFile = useUpload();
  const addLabels = useAsk(AddLabelsDocument, 'LabelsAdded');
  const say = useSay();

  const send = async (sent: File): Promise<Awaited<ReturnType<typeof addLabels.ask>>> => {
    const upload = await sendFile(sent);
    return 'problem' in upload ? upload : addLabels.ask({ input: { labelSetId: set.id, uploadId: upload.uploadId } });
  };

  const confirm = async (): Promise<void> => {
    if (added) return onClose();
    if (!file) return setProblem('Choose a file first.');
    setBusy(true);
    const answer = await send(file).catch(() => ({ problem: 'The server could not be reached. Try again.' }));
    setBusy(false);
    if ('problem' in answer) return setProblem(answer.problem);
    onChanged();
    say(`${count(answer.done.stored)} labels added.`);
    if (answer.done.leftOut === 0) return onClose();
    setProblem(undefined);
    setAdded(answer.done);
  };

  return (
    <Dialog title={`Labels for “${set.name}”`} confirm={added ? 'Done' : 'Add'} busy={isBusy} done={added !== undefined} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      {added ? (
        <LeftOut added={added} />
      ) : (
        <label className="field">
          CSV, Parquet or NDJSON with the columns userId and value ({set.kind === 'BINARY' ? 'yes or no' : 'a number'}), and asOf where customers were asked at different times
          <input type="file" accept={FILE_ENDINGS} onChange={(event) => setFile(event.target.files?.[0])} />
        </label>
      )}
    </Dialog>
  );
}

function LeftOut({ added }: { added: Added }): ReactNode {
  return (
    <>
      <p>{count(added.stored)} labels were added, {count(added.leftOut)} left out:</p>
      <ul>
        {added.problems.map(({ line, userId, message }) => (
          <li key={line}>
            Line {line}{userId !== null && ` (${userId})`}: {message}
          </li>
        ))}
      </ul>
    </>
  );
}
