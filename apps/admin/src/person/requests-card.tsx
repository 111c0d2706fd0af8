import type { ReactNode } from 'react';
import { PersonRequestsDocument } from '../gen/graphql';
import { Actor } from '../key/actor';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { RequestRow, RequestTable } from '../parts/request-table';
import { Empty } from '../parts/states';
import { useReading } from '../session/reading';
import { dateAndTime } from '../wording/time';
import { KINDS, STATES, type PersonRequest } from './request';

const PAGE = 10;
const LOOK_MS = 2_000;

/** All that was asked for, and what became of it. It names nobody. `asked`: the one that is open. */
export function RequestsCard({ asked, onOpen }: { asked: string | undefined; onOpen: (id: string) => void }): ReactNode {
  const paging = usePaging(PAGE);
  const reading = useReading(PersonRequestsDocument, { first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = reading.data?.personRequests;
  return (
    <Card title="What was asked for" note="It names nobody" flush>
      <PagedList what="requests" lines={4} reading={reading} list={list} paging={paging} empty={<Empty title="Nothing yet">Find a person above: exports, erasures and whom to keep out stand here, with their receipts.</Empty>}>
        {(requests) => (
          <RequestTable>
            {requests.map((request) => (
              <Row key={request.id} request={request} isOpen={request.id === asked} onOpen={() => onOpen(request.id)} />
            ))}
          </RequestTable>
        )}
      </PagedList>
    </Card>
  );
}

function Row({ request, isOpen, onOpen }: { request: PersonRequest; isOpen: boolean; onOpen: () => void }): ReactNode {
  const { words, tone } = STATES[request.state];
  const name = `${KINDS[request.kind].words} asked for ${dateAndTime(request.createdAt)}`;
  return (
    <RequestRow what={KINDS[request.kind].words} state={<Badge tone={tone}>{words}</Badge>} by={<Actor actor={request.requestedBy} />} at={request.createdAt}>
      {request.download && (
        <a className="button bare" href={request.download.url} aria-label={`File of the ${name}`}>
          File
        </a>
      )}
      <button type="button" className="button bare" aria-pressed={isOpen} aria-label={`Receipt of the ${name}`} onClick={onOpen}>
        Receipt
      </button>
    </RequestRow>
  );
}
