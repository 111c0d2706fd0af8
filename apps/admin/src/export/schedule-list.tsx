import type { ReactNode } from 'react';
import { useMutation } from 'urql';
import { DeleteExportScheduleDocument, UpdateExportScheduleDocument, type ExportScheduleRowFragment } from '../gen/graphql';
import { Badge } from '../parts/figures';
import { Table } from '../parts/table';
import { useSay } from '../parts/toast';
import { explain } from '../session/problem';
import { dateAndTime } from '../wording/time';

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
  const say = useSay();
  const [updating, update] = useMutation(UpdateExportScheduleDocument);
  const [deleting, remove] = useMutation(DeleteExportScheduleDocument);
  const { id, cron, timeZone, isPaused, nextAt, format } = schedule;

  const pause = async (): Promise<void> => {
    const { data, error } = await update({ id, input: { isPaused: !isPaused } });
    const result = data?.updateExportSchedule;
    if (error) say(explain(error).remedy, 'bad');
    else if (result?.__typename !== 'ExportSchedule') say(result?.message, 'bad');
    onChanged();
  };
  const end = async (): Promise<void> => {
    const { data, error } = await remove({ id });
    const result = data?.deleteExportSchedule;
    if (error) say(explain(error).remedy, 'bad');
    else if (result?.__typename !== 'ExportScheduleDeleted') say(result?.message, 'bad');
    onChanged();
  };

  return (
    <tr>
      <th scope="row">
        <span className="mono">{cron}</span>
        <div className="small quiet">
          {format === 'CSV' ? 'CSV' : 'Parquet'}, {timeZone}
        </div>
      </th>
      <td data-label="Next">
        <Badge tone={isPaused ? 'plain' : 'live'}>{isPaused || nextAt === null ? 'paused' : `next ${dateAndTime(nextAt)}`}</Badge>
      </td>
      <td>
        <span className="row tight nowrap end">
          <button type="button" className="button bare" disabled={updating.fetching} onClick={() => void pause()}>
            {isPaused ? 'Go on' : 'Pause'}
          </button>
          <button type="button" className="button bare" disabled={deleting.fetching} aria-label={`Delete the schedule ${cron}`} onClick={() => void end()}>
            Delete
          </button>
        </span>
      </td>
    </tr>
  );
}
