import { useEffect, useRef, type ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { useSubscription } from 'urql';
import { CustomerHistoryDocument, CustomerNowDocument, MembershipMovedDocument } from '../gen/graphql';
import { PredictionsCard } from '../label/predictions-card';
import { PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Stat, Stats } from '../parts/figures';
import { Empty, Loading, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useReading } from '../session/reading';
import { useSession } from '../session/session';
import { useMay } from '../session/viewer';
import { count } from '../wording/figure';
import { ago, date, dateAndTime } from '../wording/time';
import { AttributesCard } from './attributes-card';
import type { CustomerNow } from './customer';
import { DefinitionsCard } from './definitions-card';
import { EventsCard } from './events-card';
import { EvidenceCard } from './evidence-card';
import { ForecastCard } from './forecast-card';
import { HistoryCard } from './history-card';
import { MembershipCard } from './membership-card';
import { nameOf } from './name';
import { PlaceCard } from './place-card';
import { RecommendationsCard } from './recommendations-card';
import { SimilarCard } from './similar-card';
import './customer.css';

/** Not every event moves a membership: how often to look at what each does move. */
const LOOK_MS = 5000;

export function CustomerPage(): ReactNode {
  const { id = '' } = useParams();
  const { data, error, isLoading, again } = useReading(CustomerNowDocument, { id }, { everyMs: LOOK_MS });
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="the customer" lines={9} />
        </section>
      )}
      {data && !data.customer && (
        <section className="card">
          <Empty title="There is no such customer" action={<Link className="button" to="/customers">Look one up</Link>}>
            They may have been erased, or belong to another workspace.
          </Empty>
        </section>
      )}
      {data?.customer && <Detail key={data.customer.id} customer={data.customer} again={again} />}
    </>
  );
}

function Detail({ customer, again }: { customer: CustomerNow; again: () => void }): ReactNode {
  const history = useReading(CustomerHistoryDocument, { id: customer.id });
  useMoves(customer.id, () => {
    again();
    history.again();
  });
  const now = useNow();
  const others = customer.anonymousIds.length;
  const mayAskForThem = useMay('ADMIN');
  return (
    <>
      <PageHead
        above={<Link to="/customers">Customers</Link>}
        title={nameOf(customer)}
        below={others > 0 && <p className="quiet small">also known as {customer.anonymousIds.slice(0, 2).join(', ')}{others > 2 ? ` and ${count(others - 2)} more` : ''}</p>}
        actions={
          <>
            <LiveBadge />
            {mayAskForThem && (
              <Link className="button" to={`/persons?customer=${encodeURIComponent(customer.id)}`}>
                Export or erase …
              </Link>
            )}
          </>
        }
      />
      <Stats>
        <Stat label="Events" value={count(customer.eventCount)} note={customer.archivedEventCount > 0 && `${count(customer.archivedEventCount)} of them archived`} />
        <Stat label="First seen" value={date(customer.firstSeenAt)} words />
        <Stat label="Last seen" value={<span title={dateAndTime(customer.lastSeenAt)}>{ago(customer.lastSeenAt, now)}</span>} words />
      </Stats>
      <div className="columns wide-left">
        <div className="stack">
          <MembershipCard customer={customer} />
          <DefinitionsCard customer={customer} />
          <EvidenceCard id={customer.id} />
          <EventsCard customer={customer} />
        </div>
        <div className="stack">
          <ForecastCard customer={customer} />
          <PredictionsCard id={customer.id} />
          <RecommendationsCard id={customer.id} />
          <SimilarCard id={customer.id} />
          <PlaceCard customer={customer} />
          <HistoryCard history={history} />
          <AttributesCard attributes={customer.attributes} />
        </div>
      </div>
    </>
  );
}

/** Tells of each change of membership as it is committed. */
function useMoves(customerId: string, onMove: () => void): void {
  const say = useSay();
  const [{ data }] = useSubscription({ query: MembershipMovedDocument, variables: { customerId } });
  const move = data?.membershipChanged;
  const told = useRef<string>(undefined);
  useEffect(() => {
    if (!move || told.current === move.cursor) return;
    told.current = move.cursor;
    say(move.to ? `Now in “${move.to.name}”.` : 'No segment fits this customer any more.');
    onMove();
  }, [move, onMove, say]);
}

function LiveBadge(): ReactNode {
  const { connection } = useSession();
  if (connection === 'live') return <Badge tone="live">Live</Badge>;
  return <Badge tone={connection === 'lost' ? 'warn' : 'plain'}>{connection === 'lost' ? 'Reconnecting …' : 'Connecting …'}</Badge>;
}
