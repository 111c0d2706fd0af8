import { useState, type ReactNode } from 'react';
import { DeleteExportScheduleDocument, UpdateExportScheduleDocument, type ExportScheduleRowFragment } from '../gen/graphql';
import { Badge } from '../parts/figures';
import { Table } from '../parts/table';
import { useButtonAction } from '../session/action';
import { counted } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { ChangeScheduleDialog } from './schedule-dialog';

/** When a segment is exported by itself; nothing where it never is. */
export function ScheduleList({ schedules, onChanged }: { schedules: readonly ExportScheduleRowFragment[]; onChanged: () => void }): ReactNode {
  if (schedules.length === 0) return null;
  return (
    <Table label="Schedules">
      {schedules.map((schedule) => (
        <Row key={schedule.id} schedule={schedule} onChanged={onChanged} />
      ))}
    </Table>
  );
}

function Row({ schedule, onChanged }: { schedule: ExportScheduleRowFragment; onChanged: () => void }): ReactNode {
  const update = useButtonAction(UpdateExportScheduleDocument, 'ExportSchedule');
  const remove = useButtonAction(DeleteExportScheduleDocument, 'ExportScheduleDeleted');
  const [isChanging, setChanging] = useState(false);
  const { id, cron, timeZone, isPaused, nextAt, format, columns, attributes } = schedule;

  const pause = async (): Promise<void> => {
    await update.run({ id, input: { isPaused: !isPaused } });
    onChanged();
  };
  const end = async (): Promise<void> => {
    await remove.run({ id });
    onChanged();
  };

  return (
    <tr>
      <th scope="row">
        <span className="mono">{cron}</span>
        <div className="small quiet">
          {format === 'CSV' ? 'CSV' : 'Parquet'}, {counted(1 + columns.length + attributes.length, 'column')}, {timeZone}
        </div>
      </th>
      <td data-label="Next">
        <Badge tone={isPaused ? 'plain' : 'live'}>{isPaused || nextAt === null ? 'paused' : `next ${dateAndTime(nextAt)}`}</Badge>
      </td>
      <td>
        <span className="row tight nowrap end">
          <button type="button" className="button bare" disabled={update.isBusy} onClick={() => void pause()}>
            {isPaused ? 'Go on' : 'Pause'}
          </button>
          <button type="button" className="button bare" aria-label={`Change the schedule ${cron}`} onClick={() => setChanging(true)}>
            Change
          </button>
          <button type="button" className="button bare" disabled={remove.isBusy} aria-label={`Delete the schedule ${cron}`} onClick={() => void end()}>
            Delete
          </button>
        </span>
        {isChanging && <ChangeScheduleDialog schedule={schedule} onClose={() => setChanging(false)} onChanged={onChanged} />}
      </td>
    </tr>
  );
}
