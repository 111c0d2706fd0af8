import { useState, type ReactNode } from 'react';
import { MendRejectedEventDocument } from '../gen/graphql';
import { readable, reasonInWords } from '../intake/reasons';
import { Card } from '../parts/card';
import { FormProblem } from '../parts/form-problem';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useMay } from '../session/viewer';
import { dateAndTime } from '../wording/time';
import type { RejectedGroup } from './group';
import { useReplay } from './replay';

/** The latest of a group as it came, and beside it as it should have come. */
export function MendCard({ group, onMended, onClose }: { group: RejectedGroup; onMended: () => void; onClose: () => void }): ReactNode {
  const { id, detail, payload, unit, messageId, receivedAt, source } = group.example;
  const [text, setText] = useState(readable(payload));
  const { isBusy, problem, setProblem, run } = useFormAction(MendRejectedEventDocument, 'RejectedEvent');
  const replay = useReplay();
  const mayMend = useMay('EDITOR');
  const say = useSay();

  const change = (next: string): void => {
    setText(next);
    setProblem(undefined);
  };

  const confirm = async (): Promise<void> => {
    const mended = parsed(text);
    if (mended === undefined) return setProblem('This is no JSON yet.');
    if (!(await run({ id, payload: mended }))) return;
    if (!(await replay.begin({ ids: [id] }))) return;
    say('Mended and taken in, with its own time of arrival.');
    onMended();
    onClose();
  };

  return (
    <Card
      title={`One of them: ${reasonInWords(group.reason)}`}
      note={`${source}, ${dateAndTime(receivedAt)}${messageId ? `, message id ${messageId}` : ''}`}
      actions={
        <button type="button" className="button bare" onClick={onClose}>
          Close
        </button>
      }
    >
      <form
        className="stack tight"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <p>{detail}</p>
        <label className="field">
          {unit === 'ROW' ? 'The row, by column' : 'The event'}
          <textarea className="mono" rows={12} spellCheck={false} readOnly={!mayMend} value={text} onChange={(event) => change(event.target.value)} />
        </label>
        <FormProblem>{problem ?? replay.problem}</FormProblem>
        {mayMend && (
          <div className="row end tight">
            <button type="submit" className="button primary" disabled={isBusy || replay.isRunning || text === readable(payload)}>
              Mend and replay
            </button>
          </div>
        )}
      </form>
    </Card>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
