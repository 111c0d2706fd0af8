import { useState, type ReactNode } from 'react';
import { ArchiveEventsDocument, ReplayArchiveDocument, RestoreArchiveDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useFormAction } from '../session/action';
import { counted } from '../wording/figure';
import { periodOf, type Archive } from './archive';

const KEPT_DAYS = 30;

interface ArchiveDialogProps {
  archive: Archive;
  onClose: () => void;
}

/** Has months that have ended archived now, whatever the policy says. */
export function ArchiveNowDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [day, setDay] = useState(() => `${new Date().toISOString().slice(0, 8)}01`);
  const { isBusy, problem, run } = useFormAction(ArchiveEventsDocument, 'ArchiveRequest');
  const confirm = async (): Promise<void> => {
    if (await run({ before: `${day}T00:00:00Z` })) onClose();
  };
  return (
    <Dialog title="Archive events now" confirm="Archive" busy={isBusy || day === ''} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <label className="field">
        Of months that ended by
        <input type="date" value={day} onChange={({ target }) => setDay(target.value)} />
      </label>
      <p className="small">They go to Parquet files and count in everything as before. Nothing is dropped. The years before 2020 go as years.</p>
    </Dialog>
  );
}

/** Puts an archive's events back into the database. */
export function RestoreDialog({ archive, onClose }: ArchiveDialogProps): ReactNode {
  const [keepDays, setKeepDays] = useState(String(KEPT_DAYS));
  const { isBusy, problem, setProblem, run } = useFormAction(RestoreArchiveDocument, 'ArchiveRequest');
  const confirm = async (): Promise<void> => {
    if (!/^\d{1,6}$/.test(keepDays.trim())) return setProblem('Give a whole number of days.');
    if (await run({ id: archive.id, keepDays: Number(keepDays) })) onClose();
  };
  return (
    <Dialog title={`Put ${periodOf(archive)} back?`} confirm="Put back" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>Its {counted(archive.rows, 'event')} go back to where they were in the database, and its file goes.</p>
      <label className="field">
        Days for which no policy archives that month again
        <input value={keepDays} inputMode="numeric" autoComplete="off" onChange={({ target }) => setKeepDays(target.value)} />
      </label>
    </Dialog>
  );
}

/** Has an archive's events taken in again. */
export function ReplayDialog({ archive, onClose }: ArchiveDialogProps): ReactNode {
  const [writeKey, setWriteKey] = useState('');
  const { isBusy, problem, run } = useFormAction(ReplayArchiveDocument, 'ArchiveRequest');
  const confirm = async (): Promise<void> => {
    if (await run({ id: archive.id, writeKey: writeKey.trim() || null })) onClose();
  };
  return (
    <Dialog title={`Take ${periodOf(archive)} in again?`} confirm="Replay" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>Its {counted(archive.rows, 'event')} go through the intake as if they came now. What is known already is a duplicate, so that a replay may be repeated.</p>
      <label className="field">
        Write key of another workspace; empty: into this one
        <input value={writeKey} autoComplete="off" spellCheck={false} onChange={({ target }) => setWriteKey(target.value)} />
      </label>
    </Dialog>
  );
}
