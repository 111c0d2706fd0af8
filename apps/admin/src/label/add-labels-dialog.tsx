import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';
import { AddLabelsDocument, type AddLabelsMutation } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { explain } from '../session/problem';
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
  const [, addLabels] = useMutation(AddLabelsDocument);
  const say = useSay();

  /** What was added, or why nothing was. */
  const send = async (sent: File): Promise<Added | string> => {
    const upload = await sendFile(sent);
    if ('problem' in upload) return upload.problem;
    const { data, error } = await addLabels({ input: { labelSetId: set.id, uploadId: upload.uploadId } });
    if (error) return explain(error).remedy;
    const result = data?.addLabels;
    return result?.__typename === 'LabelsAdded' ? result : (result?.message ?? 'The labels were not taken.');
  };

  const confirm = async (): Promise<void> => {
    if (added) return onClose();
    if (!file) return setProblem('Choose a file first.');
    setBusy(true);
    const result = await send(file).catch(() => 'The server could not be reached. Try again.');
    setBusy(false);
    if (typeof result === 'string') return setProblem(result);
    onChanged();
    say(`${count(result.stored)} labels added.`);
    if (result.leftOut === 0) return onClose();
    setProblem(undefined);
    setAdded(result);
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
