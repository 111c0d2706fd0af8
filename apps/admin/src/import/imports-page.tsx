import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { ImportsDocument } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Measured } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { number, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count, NONE } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { isUnderWay, rowsOf, STATES, type Import } from './state';

const PAGE = 20;
const LOOK_MS = 2_000;

/** Every file that was imported, and what came of it. */
export function ImportsPage(): ReactNode {
  const paging = usePaging(PAGE);
  const reading = useReading(ImportsDocument, { first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const mayImport = useMay('ADMIN');
  const list = reading.data?.imports;
  const begin = mayImport && (
    <Link className="button primary" to="/imports/new">
      Import a file
    </Link>
  );
  return (
    <>
      <PageHead title="Imports" below={<p className="quiet">Files of events: what was read of each, and what was left out and why.</p>} actions={begin} />
      <Card title="Files" flush>
        <PagedList
          what="imports"
          reading={reading}
          list={list}
          paging={paging}
          empty={
            <Empty title="No file was imported yet" action={begin}>
              A CSV, Parquet or NDJSON file of what customers did becomes events; how its rows are read is guessed, shown and yours to change.
            </Empty>
          }
        >
          {(rows) => (
            <Table columns={['File', 'State', number('Rows'), number('Stored'), number('Known before'), number('Refused', 'Rows that could not be read, and events that were refused'), 'Begun']}>
              {rows.map((row) => (
                <Row key={row.id} row={row} />
              ))}
            </Table>
          )}
        </PagedList>
      </Card>
    </>
  );
}

function Row({ row }: { row: Import }): ReactNode {
  const now = useNow();
  const { words, tone } = STATES[row.state];
  return (
    <tr>
      <th scope="row">
        <Link to={`/imports/${encodeURIComponent(row.id)}`}>{row.fileName}</Link>
      </th>
      <td data-label="State">{isUnderWay(row) && row.progress !== null ? <Measured value={row.progress} /> : <Badge tone={tone}>{words}</Badge>}</td>
      <td data-label="Rows" className="number">
        {row.rowsTotal === null ? NONE : count(row.rowsTotal)}
      </td>
      <td data-label="Stored" className="number">
        {count(row.eventsStored)}
      </td>
      <td data-label="Known before" className="number">
        {count(row.eventsDuplicate)}
      </td>
      <td data-label="Refused" className="number">
        {count(rowsOf(row.rejected) + row.eventsRejected)}
      </td>
      <td data-label="Begun" className="nowrap">
        {row.startedAt ? <time dateTime={row.startedAt} title={dateAndTime(row.startedAt)}>{ago(row.startedAt, now)}</time> : NONE}
      </td>
    </tr>
  );
}
