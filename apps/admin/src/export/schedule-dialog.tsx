import { useState, type ReactNode } from 'react';
import { CreateExportScheduleDocument, type ExportFormat } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useFormAction } from '../session/action';

const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Asks when a segment is to be exported by itself. */
export function ScheduleDialog({ segment, onClose, onChanged }: { segment: { id: string; name: string }; onClose: () => void; onChanged: () => void }): ReactNode {
  const [format, setFormat] = useState<ExportFormat>('CSV');
  const [cron, setCron] = useState('0 6 * * 1');
  const [timeZone, setTimeZone] = useState(OWN_ZONE);
  const { isBusy, problem, run } = useFormAction(CreateExportScheduleDocument, 'ExportSchedule');

  const confirm = async (): Promise<void> => {
    if (!(await run({ input: { segmentId: segment.id, format, cron, timeZone } }))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`Export “${segment.name}” by the clock`} confirm="Schedule" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <label className="field">
        As
        <select value={format} onChange={(event) => setFormat(event.target.value as ExportFormat)}>
          <option value="CSV">CSV</option>
          <option value="PARQUET">Parquet</option>
        </select>
      </label>
      <label className="field">
        When (minute, hour, day of the month, month, day of the week)
        <input className="mono" value={cron} onChange={(event) => setCron(event.target.value)} autoComplete="off" />
      </label>
      <label className="field">
        Time zone
        <input value={timeZone} onChange={(event) => setTimeZone(event.target.value)} autoComplete="off" />
      </label>
    </Dialog>
  );
}
