import { useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { nameOf } from '../customer/name';
import { RequestPersonExportDocument, type PersonKeptFragment } from '../gen/graphql';
import { Card } from '../parts/card';
import { useButtonAction } from '../session/action';
import { count } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { EraseDialog, SuppressDialog } from './person-dialogs';
import { personOf, type Whom } from './whom';

interface KeptCardProps {
  whom: Whom;
  /** Who has the id now; null: nobody. */
  customer: PersonKeptFragment | null;
  /** With the id of the request that was made. */
  onAsked: (requestId: string) => void;
}

/** What is kept of a person, and what they may ask for. */
export function KeptCard({ whom, customer, onAsked }: KeptCardProps): ReactNode {
  const [asking, setAsking] = useState<'erase' | 'suppress'>();
  const { isBusy, run } = useButtonAction(RequestPersonExportDocument, 'PersonRequest');
  const exportThem = async (): Promise<void> => {
    const request = await run({ person: personOf(whom) });
    if (request) onAsked(request.id);
  };
  // An opaque id of nobody leads to no other id.
  const mayAsk = customer !== null || whom.kind !== 'id';
  const dialog = { whom, name: customer ? nameOf(customer) : whom.text, onAsked, onClose: () => setAsking(undefined) };
  return (
    <Card
      title={customer ? `What is kept of ${nameOf(customer)}` : `Nobody has the id “${whom.text}”`}
      actions={
        <span className="row tight">
          {customer && (
            <button type="button" className="button" disabled={isBusy} onClick={() => void exportThem()}>
              Export
            </button>
          )}
          {mayAsk && (
            <>
              <button type="button" className="button" onClick={() => setAsking('suppress')}>
                Keep out
              </button>
              <button type="button" className="button danger" onClick={() => setAsking('erase')}>
                Erase
              </button>
            </>
          )}
        </span>
      }
    >
      {customer ? <Kept customer={customer} /> : <NotKept whom={whom} />}
      {asking === 'erase' && <EraseDialog {...dialog} />}
      {asking === 'suppress' && <SuppressDialog {...dialog} />}
    </Card>
  );
}

function NotKept({ whom }: { whom: Whom }): ReactNode {
  return (
    <p className="quiet">
      Ids are matched letter by letter. {whom.kind !== 'id' && 'Refused events may carry it all the same: erasing removes those, and keeping out works by the id alone.'}
    </p>
  );
}

function Kept({ customer }: { customer: PersonKeptFragment }): ReactNode {
  const { userId, anonymousIds, eventCount, attributes, memberships, firstSeenAt, lastSeenAt } = customer;
  const facts: [string, ReactNode][] = [
    ['User id', userId ?? 'none'],
    ['Anonymous ids', anonymousIds.length > 0 ? anonymousIds.join(', ') : 'none'],
    ['Events', count(eventCount)],
    ['First seen', dateAndTime(firstSeenAt)],
    ['Last seen', dateAndTime(lastSeenAt)],
    ['Attributes', Object.keys(attributes as object).join(', ') || 'none'],
    ['Segments', memberships.map(({ segment }) => segment.name).join(', ') || 'none'],
  ];
  return (
    <div className="stack tight">
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="small">
        <Link to={`/customers/${encodeURIComponent(customer.id)}`}>Their page</Link> <span className="quiet">has the events, the history and why. An export has all of it as a file, refused events and labels too.</span>
      </p>
    </div>
  );
}
