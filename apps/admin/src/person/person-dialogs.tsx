import { useState, type ReactNode } from 'react';
import { ErasePersonDocument, SuppressPersonDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useFormAction } from '../session/action';
import { personOf, type Whom } from './whom';

interface PersonDialogProps {
  whom: Whom;
  /** The id that they go by. */
  name: string;
  onAsked: (requestId: string) => void;
  onClose: () => void;
}

/** Asks for the id once more: what is erased does not come back. */
export function EraseDialog({ whom, name, onAsked, onClose }: PersonDialogProps): ReactNode {
  const [typed, setTyped] = useState('');
  const { isBusy, problem, run } = useFormAction(ErasePersonDocument, 'PersonRequest');

  const confirm = async (): Promise<void> => {
    if (typed.trim() !== name) return;
    const request = await run({ person: personOf(whom) });
    if (!request) return;
    onAsked(request.id);
    onClose();
  };

  return (
    <Dialog title={`Erase ${name} for good?`} confirm="Erase" busy={isBusy || typed.trim() !== name} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>Events, ids, attributes, states, memberships and their history go, under every id of the same customer, and the uploaded files that brought them. Nothing brings it back.</p>
      <p>Events that go on coming make somebody new: to prevent that, keep the person out first.</p>
      <label className="field">
        <span>
          Type <code className="mono">{name}</code> to erase
        </span>
        <input autoComplete="off" spellCheck={false} value={typed} onChange={({ target }) => setTyped(target.value)} />
      </label>
    </Dialog>
  );
}

/** Has events of a person's ids refused from now on. */
export function SuppressDialog({ whom, name, onAsked, onClose }: PersonDialogProps): ReactNode {
  const { isBusy, problem, run } = useFormAction(SuppressPersonDocument, 'PersonRequest');

  const confirm = async (): Promise<void> => {
    const request = await run({ person: personOf(whom) });
    if (!request) return;
    onAsked(request.id);
    onClose();
  };

  return (
    <Dialog title={`Keep ${name} out?`} confirm="Keep out" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>From now on events that carry an id of theirs are refused and not kept, and exports leave them out. What is stored stays until it is erased. This cannot be taken back here.</p>
    </Dialog>
  );
}
