import { useState, type ReactNode } from 'react';
import { DiscardRejectedEventsDocument } from '../gen/graphql';
import { readMapping, written } from '../import/mapping';
import { MappingEditor } from '../import/mapping-editor';
import { reasonInWords } from '../intake/reasons';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { count, counted } from '../wording/figure';
import { nameOf, type RejectedGroup } from './group';
import type { Replay } from './replay';

interface QuarantineDialogProps {
  group: RejectedGroup;
  onClose: () => void;
  onChanged: () => void;
}

/** Says of all in a group that they shall never be taken in, and why. */
export function DiscardDialog({ group, onClose, onChanged }: QuarantineDialogProps): ReactNode {
  const [note, setNote] = useState('');
  const { isBusy, problem, run } = useFormAction(DiscardRejectedEventsDocument, 'RejectedEventsDiscarded');
  const say = useSay();

  const confirm = async (): Promise<void> => {
    const done = await run({ input: { selection: { reason: group.reason, source: group.source }, note: note.trim() } });
    if (!done) return;
    say(`${counted(done.discarded, 'event')} discarded${done.remaining > 0 ? `, ${count(done.remaining)} left` : ''}.`);
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`Discard ${nameOf(group)}?`} confirm="Discard" busy={isBusy || !note.trim()} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>They are kept, with you and your reason, count as refused in the ledger as before, and are never replayed.</p>
      <label className="field">
        Why
        <input autoComplete="off" maxLength={500} value={note} onChange={({ target }) => setNote(target.value)} />
      </label>
    </Dialog>
  );
}

/** Replays a file's rows by a better mapping, beginning with the one that refused them. */
export function MappingDialog({ group, replay, onClose, onChanged }: QuarantineDialogProps & { replay: Replay }): ReactNode {
  const [text, setText] = useState(written(group.import?.mapping ?? {}));
  const [problem, setProblem] = useState<string>();
  // A row lies in quarantine as an object by column.
  const columns = Object.keys(readMapping(group.example.payload) ?? {});

  const confirm = async (): Promise<void> => {
    const mapping = readMapping(text);
    if (!mapping) return setProblem('The mapping is no JSON object yet.');
    setProblem(undefined);
    if (!(await replay.begin({ reason: group.reason, source: group.source }, mapping))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog
      title={`Replay by another mapping: ${reasonInWords(group.reason)}`}
      confirm="Replay"
      busy={replay.isRunning}
      problem={problem ?? replay.problem}
      onConfirm={() => void confirm()}
      onClose={onClose}
    >
      <p>Of {group.import?.fileName ?? 'the file'}. What is taken in bears the id that importing the file again would give it.</p>
      <MappingEditor mapping={text} columns={columns} rows={14} onChange={setText} />
    </Dialog>
  );
}
