import { useState, type ReactNode } from 'react';
import { EventArchivesDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { number, Table, unseen } from '../parts/table';
import { useReading } from '../session/reading';
import { bytesInWords, count, NONE } from '../wording/figure';
import { periodOf, sinceOf, STATES, type Archive } from './archive';
import { ReplayDialog, RestoreDialog } from './archive-dialogs';

const PAGE = 12;
const LOOK_MS = 2_000;

interface Asked {
  readonly what: 'restore' | 'replay';
  readonly archive: Archive;
}

/** Files of old events, the newest month first. */
export function ArchivesCard(): ReactNode {
  const paging = usePaging(PAGE);
  const [asked, setAsked] = useState<Asked>();
  const reading = useReading(EventArchivesDocument, { first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = reading.data?.eventArchives;
  const close = (): void => setAsked(undefined);
  return (
    <Card title="Archives" note="A file for each month" flush>
      <PagedList what="archives" reading={reading} list={list} paging={paging} empty={<Empty title="All events are in the database">Say above after how many days they go to files, or archive months that have ended now.</Empty>}>
        {(archives) => (
          <Table columns={['Month', 'State', number('Events'), number('Size'), unseen('What to do')]}>
            {archives.map((archive) => (
              <Row key={archive.id} archive={archive} ask={(what) => setAsked({ what, archive })} />
            ))}
          </Table>
        )}
      </PagedList>
      {asked?.what === 'restore' && <RestoreDialog archive={asked.archive} onClose={close} />}
      {asked?.what === 'replay' && <ReplayDialog archive={asked.archive} onClose={close} />}
    </Card>
  );
}

function Row({ archive, ask }: { archive: Archive; ask: (what: Asked['what']) => void }): ReactNode {
  const { words, tone } = STATES[archive.state];
  const period = periodOf(archive);
  const isFile = archive.state === 'ARCHIVED';
  return (
    <tr>
      <th scope="row" className="nowrap">
        {period}
      </th>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge> <span className="small quiet">{sinceOf(archive)}</span>
      </td>
      <td data-label="Events" className="number">
        {count(archive.rows)}
      </td>
      <td data-label="Size" className="number" title={isFile ? `SHA-256 ${archive.checksum}` : undefined}>
        {isFile ? bytesInWords(archive.bytes) : NONE}
      </td>
      <td>
        {isFile && (
          <span className="row tight nowrap end">
            <button type="button" className="button bare" aria-label={`Put back ${period}`} onClick={() => ask('restore')}>
              Put back
            </button>
            <button type="button" className="button bare" aria-label={`Replay ${period}`} onClick={() => ask('replay')}>
              Replay
            </button>
          </span>
        )}
      </td>
    </tr>
  );
}
