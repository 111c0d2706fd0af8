import { useState, type ReactNode } from 'react';
import { CreateApiKeyDocument, RevokeApiKeyDocument, RotateApiKeyDocument, type Role } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useOverlap } from '../parts/overlap';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { ROLES, type Key } from './key';

interface KeyDialogProps {
  onClose: () => void;
  onChanged: () => void;
}
interface SecretDialogProps extends KeyDialogProps {
  /** A secret is shown once: whoever opened the dialog keeps it in sight. */
  onSecret: (name: string, secret: string) => void;
}

export function CreateDialog({ onClose, onChanged, onSecret }: SecretDialogProps): ReactNode {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('INTAKE');
  const { isBusy, problem, run } = useFormAction(CreateApiKeyDocument, 'ApiKeyCreated');

  const confirm = async (): Promise<void> => {
    const made = await run({ input: { name: name.trim(), role } });
    if (!made) return;
    onSecret(made.key.name, made.secret);
    onChanged();
    onClose();
  };

  return (
    <Dialog title="Make a key" confirm="Make" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <label className="field">
        Name
        <input value={name} onChange={(event) => setName(event.target.value)} maxLength={100} autoComplete="off" />
      </label>
      <label className="field">
        It may
        <select value={role} onChange={(event) => setRole(event.target.value as Role)}>
          {ROLES.map((one) => (
            <option key={one.role} value={one.role}>
              {one.may} ({one.role.toLowerCase()})
            </option>
          ))}
        </select>
      </label>
    </Dialog>
  );
}

export function RotateDialog({ target, onClose, onChanged, onSecret }: SecretDialogProps & { target: Key }): ReactNode {
  const { overlapSeconds, field } = useOverlap(target);
  const { isBusy, problem, run } = useFormAction(RotateApiKeyDocument, 'ApiKeyRotated');

  const confirm = async (): Promise<void> => {
    const rotated = await run({ id: target.id, overlapSeconds });
    if (!rotated) return;
    onSecret(target.name, rotated.secret);
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`A new secret for “${target.name}”`} confirm="Rotate" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>The new secret holds at once. Move the senders while the present one holds too.</p>
      {field}
    </Dialog>
  );
}

export function RevokeDialog({ target, onClose, onChanged }: KeyDialogProps & { target: Key }): ReactNode {
  const { isBusy, problem, run } = useFormAction(RevokeApiKeyDocument, 'ApiKey');
  const say = useSay();

  const confirm = async (): Promise<void> => {
    if (!(await run({ id: target.id }))) return;
    say(`“${target.name}” has ended; within five seconds it is refused everywhere.`);
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`Revoke “${target.name}”?`} confirm="Revoke" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>Whoever sends with it is refused from then on, and Segment's clients drop what is refused so. To replace it without a gap, rotate it instead.</p>
    </Dialog>
  );
}
