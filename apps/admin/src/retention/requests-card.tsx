import type { ReactNode } from 'react';
import { ArchiveRequestsDocument, CancelArchiveRequestDocument } from '../gen/graphql';
import { Actor } from '../key/actor';
import { Card } from '../parts/card';
import { Badge, Measured } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { RequestRow, RequestTable } from '../parts/request-table';
import { Empty } from '../parts/states';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { doneOf, isUnderWay, REQUEST_KINDS, REQUEST_STATES, type ArchiveRequest } from './archive';

const PAGE = 10;
const LOOK_MS = 2_000;

/** What was asked for, by people and by the policy, and how far it is. */
export function RequestsCard(): ReactNode {
  const paging = usePaging(PAGE);
  const reading = useReading(ArchiveRequestsDocument, { first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = reading.data?.archiveRequests;
  return (
    <Card title="What was asked for" note="By people and by the policy" flush>
      <PagedList what="requests" lines={4} reading={reading} list={list} paging={paging} empty={<Empty title="Nothing yet">What is archived, put back and replayed stands here, with how far it is.</Empty>}>
        {(requests) => (
          <RequestTable>
            {requests.map((request) => (
              <Row key={request.id} request={request} onChanged={reading.again} />
            ))}
          </RequestTable>
        )}
      </PagedList>
    </Card>
  );
}

function Row({ request, onChanged }: { request: ArchiveRequest; onChanged: () => void }): ReactNode {
  const { words, tone } = REQUEST_STATES[request.state];
  const { isBusy, run } = useButtonAction(CancelArchiveRequestDocument, 'ArchiveRequest');
  const stop = async (): Promise<void> => {
    await run({ id: request.id });
    onChanged();
  };
  return (
    <RequestRow
      what={
        <>
          {REQUEST_KINDS[request.kind]}
          <div className="small quiet light">{doneOf(request)}</div>
        </>
      }
      state={
        <>
          <Badge tone={tone}>{words}</Badge>
          {request.state === 'RUNNING' && request.progress !== null && <Measured value={request.progress} />}
          {request.error && <div className="small quiet">{request.error}</div>}
        </>
      }
      by={request.requestedBy === 'policy' ? 'the policy' : <Actor actor={request.requestedBy} />}
      at={request.createdAt}
    >
      {isUnderWay(request) && (
        <button type="button" className="button bare" disabled={isBusy} onClick={() => void stop()}>
          Stop
        </button>
      )}
    </RequestRow>
  );
}
