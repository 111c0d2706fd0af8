import { useState, type ReactNode } from 'react';
import { RemoveTrackingPlanEventDocument, SetTrackingPlanEventDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import type { Declared } from './plan';

interface PlanDialogProps {
  onClose: () => void;
  onChanged: () => void;
}

const TO_BEGIN_WITH = '{\n  "type": "object",\n  "required": [],\n  "properties": {}\n}';

/** Declares an event, or changes what is declared of one. Its mode stays; a new one is observed. */
export function DeclareDialog({ event: declared, onClose, onChanged }: PlanDialogProps & { event: Declared | undefined }): ReactNode {
  const [event, setEvent] = useState(declared?.event ?? '');
  const [text, setText] = useState(declared ? JSON.stringify(declared.schema, null, 2) : TO_BEGIN_WITH);
  const { isBusy, problem, setProblem, run } = useFormAction(SetTrackingPlanEventDocument, 'TrackingPlan', (failure) =>
    failure.__typename === 'SchemaInvalid' ? `${failure.path || 'The schema'}: ${failure.message}` : failure.message,
  );
  const say = useSay();

  const confirm = async (): Promise<void> => {
    let schema: unknown;
    try {
      schema = JSON.parse(text);
    } catch {
      return setProblem('The schema is no JSON yet.');
    }
    if (!(await run({ input: { event: event.trim(), schema } }))) return;
    say(`“${event.trim()}” is declared; the whole intake follows within five seconds.`);
    onChanged();
    onClose();
  };

  return (
    <Dialog title={declared ? `Change “${declared.event}”` : 'Declare an event'} confirm="Declare" busy={isBusy || !event.trim()} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      {!declared && (
        <label className="field">
          Name
          <input autoComplete="off" value={event} onChange={({ target }) => setEvent(target.value)} />
        </label>
      )}
      <label className="field">
        JSON Schema of its properties
        <textarea className="mono" rows={12} spellCheck={false} value={text} onChange={({ target }) => setText(target.value)} />
      </label>
    </Dialog>
  );
}

export function RemoveDialog({ event: { event }, onClose, onChanged }: PlanDialogProps & { event: Declared }): ReactNode {
  const { isBusy, problem, run } = useFormAction(RemoveTrackingPlanEventDocument, 'TrackingPlan');

  const confirm = async (): Promise<void> => {
    if (!(await run({ event }))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`Take “${event}” out of the plan?`} confirm="Remove" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>Such events are taken as they come from then on. What was counted of them stays for 30 days.</p>
    </Dialog>
  );
}
