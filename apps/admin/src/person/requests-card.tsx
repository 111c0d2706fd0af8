import type { ReactNode } from 'react';
import { PersonRequestsDocument } from '../gen/graphql';
import { Actor } from '../key/actor';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { unseen, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { ago, dateAndTime } from '../wording/time';
import { KINDS, STATES, type PersonRequest } from './request';

const PAGE = 10;
const LOOK_MS = 2_000;

/** All that was asked for, and what became of it. It names nobody. `asked`: the one that is open. */
export function RequestsCard({ asked, onOpen }: { asked: string | undefined; onOpen: (id: string) => void }): ReactNode {
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(PersonRequestsDocument, { first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = data?.personRequests;
  return (
    <Card title="What was asked for" note="It names nobody" flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="requests" lines={4} />}
      {list?.nodes.length === 0 && <Empty title="Nothing yet">Find a person above: exports, erasures and whom to keep out stand here, with their receipts.</Empty>}
      {list && list.nodes.length > 0 && (
        <>
          <Table columns={['What', 'State', 'By', 'Asked for', unseen('What to do')]}>
            {list.nodes.map((request) => (
              <Row key={request.id} request={request} isOpen={request.id === asked} onOpen={() => onOpen(request.id)} />
            ))}
          </Table>
          <Pager paging={paging} shown={list.nodes.length} total={list.totalCount} what="requests" pageInfo={list.pageInfo} />
        </>
      )}
    </Card>
  );
}

function Row({ request, isOpen, onOpen }: { request: PersonRequest; isOpen: boolean; onOpen: () => void }): ReactNode {
  const now = useNow();
  const { words, tone } = STATES[request.state];
  const name = `${KINDS[request.kind].words} asked for ${dateAndTime(request.createdAt)}`;
  return (
    <tr>
      <th scope="row">{KINDS[request.kind].words}</th>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge>
      </td>
      <td data-label="By">
        <Actor actor={request.requestedBy} />
      </td>
      <td data-label="Asked for" className="nowrap">
        <time dateTime={request.createdAt} title={dateAndTime(request.createdAt)}>
          {ago(request.createdAt, now)}
        </time>
      </td>
      <td>
        <span className="row tight nowrap end">
          {request.download && (
            <a className="button bare" href={request.download.url} aria-label={`File of the ${name}`}>
              File
            </a>
          )}
          <button type="button" className="button bare" aria-pressed={isOpen} aria-label={`Receipt of the ${name}`} onClick={onOpen}>
            Receipt
          </button>
        </span>
      </td>
    </tr>
  );
}
