import { useState, type ReactNode } from 'react';
import { RenameSegmentDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';

interface RenameDialogProps {
  segment: { id: string; name: string; description: string };
  onClose: () => void;
  onRenamed: () => void;
}

export function RenameDialog({ segment, onClose, onRenamed }: RenameDialogProps): ReactNode {
  const [name, setName] = useState(segment.name);
  const [description, setDescription] = useState(segment.description);
  const { isBusy, problem, setProblem, run } = useFormAction(RenameSegmentDocument, 'Segment');
  const say = useSay();

  const confirm = async (): Promise<void> => {
    if (!name.trim()) return setProblem('A segment needs a name.');
    if (!(await run({ id: segment.id, name: name.trim(), description: description.trim() }))) return;
    say(`Named “${name.trim()}”. Models leave that name alone from now on.`);
    onRenamed();
    onClose();
  };

  return (
    <Dialog title="Rename the segment" confirm="Rename" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <label className="field">
        Name
        <input value={name} onChange={(event) => setName(event.target.value)} maxLength={120} />
      </label>
      <label className="field">
        Description
        <textarea value={description} onChange={(event) => setDescription(event.target.value)} maxLength={600} />
      </label>
      <p className="small">Its id stays the same, and later models keep the name you give.</p>
    </Dialog>
  );
}
