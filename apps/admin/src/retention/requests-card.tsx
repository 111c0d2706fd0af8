import type { ReactNode } from 'react';
import { ArchiveRequestsDocument, CancelArchiveRequestDocument } from '../gen/graphql';
import { Actor } from '../key/actor';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Measured } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { Table, unseen } from '../parts/table';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { ago, dateAndTime } from '../wording/time';
import { doneOf, isUnderWay, REQUEST_KINDS, REQUEST_STATES, type ArchiveRequest } from './archive';

const PAGE = 10;
const LOOK_MS = 2_000;

/** What was asked for, by people and by the policy, and how far it is. */
export function RequestsCard(): ReactNode {
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(ArchiveRequestsDocument, { first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = data?.archiveRequests;
  return (
    <Card title="What was asked for" note="By people and by the policy" flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="requests" lines={4} />}
      {list?.nodes.length === 0 && <Empty title="Nothing yet">What is archived, put back and replayed stands here, with how far it is.</Empty>}
      {list && list.nodes.length > 0 && (
        <>
          <Table columns={['What', 'State', 'By', 'Asked for', unseen('What to do')]}>
            {list.nodes.map((request) => (
              <Row key={request.id} request={request} onChanged={again} />
            ))}
          </Table>
          <Pager paging={paging} shown={list.nodes.length} total={list.totalCount} what="requests" pageInfo={list.pageInfo} />
        </>
      )}
    </Card>
  );
}

function Row({ request, onChanged }: { request: ArchiveRequest; onChanged: () => void }): ReactNode {
  const now = useNow();
  const { words, tone } = REQUEST_STATES[request.state];
  const { isBusy, run } = useButtonAction(CancelArchiveRequestDocument, 'ArchiveRequest');
  const stop = async (): Promise<void> => {
    await run({ id: request.id });
    onChanged();
  };
  return (
    <tr>
      <th scope="row">
        {REQUEST_KINDS[request.kind]}
        <div className="small quiet light">{doneOf(request)}</div>
      </th>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge>
        {request.state === 'RUNNING' && request.progress !== null && <Measured value={request.progress} />}
        {request.error && <div className="small quiet">{request.error}</div>}
      </td>
      <td data-label="By">{request.requestedBy === 'policy' ? 'the policy' : <Actor actor={request.requestedBy} />}</td>
      <td data-label="Asked for" className="nowrap">
        <time dateTime={request.createdAt} title={dateAndTime(request.createdAt)}>
          {ago(request.createdAt, now)}
        </time>
      </td>
      <td>
        {isUnderWay(request) && (
          <span className="row tight nowrap end">
            <button type="button" className="button bare" disabled={isBusy} onClick={() => void stop()}>
              Stop
            </button>
          </span>
        )}
      </td>
    </tr>
  );
}
