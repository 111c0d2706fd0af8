import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';
import { ErasePersonDocument, SuppressPersonDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { explain } from '../session/problem';
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
  const [problem, setProblem] = useState<string>();
  const [{ fetching }, erase] = useMutation(ErasePersonDocument);

  const confirm = async (): Promise<void> => {
    if (typed.trim() !== name) return;
    const { data, error } = await erase({ person: personOf(whom) });
    if (error) return setProblem(explain(error).remedy);
    const result = data?.erasePerson;
    if (result?.__typename !== 'PersonRequest') return setProblem(result?.message ?? 'It was not taken.');
    onAsked(result.id);
    onClose();
  };

  return (
    <Dialog title={`Erase ${name} for good?`} confirm="Erase" busy={fetching || typed.trim() !== name} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
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
  const [problem, setProblem] = useState<string>();
  const [{ fetching }, suppress] = useMutation(SuppressPersonDocument);

  const confirm = async (): Promise<void> => {
    const { data, error } = await suppress({ person: personOf(whom) });
    if (error) return setProblem(explain(error).remedy);
    const result = data?.suppressPerson;
    if (result?.__typename !== 'PersonRequest') return setProblem(result?.message ?? 'It was not taken.');
    onAsked(result.id);
    onClose();
  };

  return (
    <Dialog title={`Keep ${name} out?`} confirm="Keep out" busy={fetching} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>From now on events that carry an id of theirs are refused and not kept, and exports leave them out. What is stored stays until it is erased. This cannot be taken back here.</p>
    </Dialog>
  );
}
