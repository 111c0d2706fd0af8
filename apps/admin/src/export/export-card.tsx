import { useState, type ReactNode } from 'react';
import { CancelExportDocument, SegmentExportsDocument, type ExportRowFragment } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Measured } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { unseen, Table } from '../parts/table';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { counted } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { ExportDialog } from './export-dialog';
import { ScheduleDialog } from './schedule-dialog';
import { ScheduleList } from './schedule-list';
import { isUnderWay, STATES } from './state';

const PAGE = 5;
const LOOK_MS = 2_000;

/** Files of a segment's members: made now or by the clock, and fetched. */
export function ExportCard({ segment }: { segment: { id: string; name: string } }): ReactNode {
  const paging = usePaging(PAGE);
  const [asking, setAsking] = useState<'export' | 'schedule'>();
  const reading = useReading(SegmentExportsDocument, { segmentId: segment.id, first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const { data, again } = reading;
  const list = data?.exports;
  const actions = (
    <span className="row tight">
      <button type="button" className="button" onClick={() => setAsking('export')}>
        Export
      </button>
      <button type="button" className="button" onClick={() => setAsking('schedule')}>
        Schedule
      </button>
    </span>
  );
  return (
    <Card title="Exports" note="Its members as a file" actions={actions} flush>
      {data && <ScheduleList schedules={data.exportSchedules.nodes} onChanged={again} />}
      <PagedList what="exports" lines={3} reading={reading} list={list} paging={paging} empty={<Empty title="Nothing exported yet">Export all of its members now, or have it done by the clock.</Empty>}>
        {(exports) => (
          <Table columns={['Asked for', 'State', 'Holds', unseen('What to do')]}>
            {exports.map((row) => (
              <Row key={row.id} row={row} onChanged={again} />
            ))}
          </Table>
        )}
      </PagedList>
      {asking === 'export' && <ExportDialog segment={segment} onClose={() => setAsking(undefined)} onChanged={again} />}
      {asking === 'schedule' && <ScheduleDialog segment={segment} onClose={() => setAsking(undefined)} onChanged={again} />}
    </Card>
  );
}

function Row({ row, onChanged }: { row: ExportRowFragment; onChanged: () => void }): ReactNode {
  const now = useNow(5_000);
  const { words, tone } = STATES[row.state];
  const format = row.format === 'CSV' ? 'CSV' : 'Parquet';
  return (
    <tr>
      <th scope="row" className="nowrap" title={dateAndTime(row.createdAt)}>
        {ago(row.createdAt, now)}
        <div className="small quiet">
          {format}, {row.schedule ? 'by schedule' : 'by hand'}
        </div>
      </th>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge>
        {row.state === 'RUNNING' && row.progress !== null && <Measured value={row.progress} />}
        {row.error && <div className="small quiet">{row.error}</div>}
      </td>
      <td data-label="Holds">
        {row.manifest && (
          <span title={`SHA-256 ${row.manifest.checksum}`}>
            {counted(row.manifest.rows, 'customer')} as of {dateAndTime(row.manifest.asOf)}
          </span>
        )}
      </td>
      <td>
        <span className="row tight nowrap end">
          {row.download && (
            <a className="button bare" href={row.download.url} download>
              Download
            </a>
          )}
          {isUnderWay(row.state) && <CancelButton id={row.id} onChanged={onChanged} />}
        </span>
      </td>
    </tr>
  );
}

function CancelButton({ id, onChanged }: { id: string; onChanged: () => void }): ReactNode {
  const { isBusy, run } = useButtonAction(CancelExportDocument, 'Export');
  const confirm = async (): Promise<void> => {
    await run({ id });
    onChanged();
  };
  return (
    <button type="button" className="button bare" disabled={isBusy} onClick={() => void confirm()}>
      Cancel
    </button>
  );
}
