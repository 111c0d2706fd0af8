import { useState, type ReactNode } from 'react';
import { CustomerEvidenceDocument, type CustomerEvidenceQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Empty, Loading, Problem } from '../parts/states';
import { Badge } from '../parts/figures';
import { number, Table } from '../parts/table';
import { SegmentName } from '../segment/looks';
import { traitInShort } from '../segment/trait';
import { inUnit } from '../segment/traits';
import { useReading } from '../session/reading';
import { counted, percent, thousandths } from '../wording/figure';
import { dateAndTime } from '../wording/time';

type Membership = NonNullable<CustomerEvidenceQuery['customer']>['memberships'][number];
type Evidence = NonNullable<Membership['why']['evidence']>;

/** Why a customer is where they are: what the model says when it is asked what it would say otherwise. Asked for by hand, for it costs some hundred readings. */
export function EvidenceCard({ id }: { id: string }): ReactNode {
  const [isAsked, ask] = useState(false);
  const { data, error, isLoading, again } = useReading(CustomerEvidenceDocument, { id }, { pause: !isAsked });
  const told = (data?.customer?.memberships ?? []).filter(({ why }) => why.evidence);
  return (
    <Card title="Why" note="The model, asked what it would say otherwise">
      {!isAsked && (
        <button type="button" className="button" onClick={() => ask(true)}>
          Ask the model
        </button>
      )}
      {error && !data && <Problem error={error} again={again} />}
      {isAsked && isLoading && !error && <Loading what="what the model says" lines={6} />}
      {data && told.length === 0 && <Empty title="Nothing to explain">No model has put this customer anywhere.</Empty>}
      {told.map(({ segment, why }) => why.evidence && <Told key={segment.id} segment={segment} evidence={why.evidence} />)}
    </Card>
  );
}

function Told({ segment, evidence }: { segment: Membership['segment']; evidence: Evidence }): ReactNode {
  const { strength, events, earlier, check, traits, changes, changesTriedTimes, changesTriedDays } = evidence;
  const first = check?.events === 1 ? 'one' : `${check?.events ?? 0} together`;
  return (
    <div className="stack">
      <p>
        <SegmentName segment={segment} /> at strength {percent(strength)}. What carries it, each event left out in turn:
      </p>
      <Table columns={['Event', 'When', number('Carries', 'How much nearer it brings the customer to this segment than to any other (difference of cosines)'), number('Strength without')]} folds={false}>
        {events.map(({ event, firstAt, towards, strengthWithout }) => (
          <tr key={`${event ?? ''}${firstAt}${towards}`}>
            <th scope="row">{event}</th>
            <td className="quiet">{dateAndTime(firstAt)}</td>
            <td className="number">{thousandths(towards)}</td>
            <td className="number">{percent(strengthWithout)}</td>
          </tr>
        ))}
        {earlier && (
          <tr>
            <th scope="row">{counted(earlier.eventCount, 'event')} together</th>
            <td className="quiet">before these</td>
            <td className="number">{thousandths(earlier.towards)}</td>
            <td className="number">{percent(earlier.strengthWithout)}</td>
          </tr>
        )}
      </Table>
      {check && (
        <p className="quiet small">
          Without the first {first} {percent(check.strengthWithoutNamed)}; without as many others {percent(check.strengthWithoutOthers)}. The first {check.events === 1 ? 'carries' : `${check.events} carry`} {thousandths(check.towardsByNamed)},
          as many others {thousandths(check.towardsByOthers)}.
        </p>
      )}
      {traits.length > 0 && (
        <Table columns={['What sets the segment apart', number('Segment'), number('Others'), number('This customer', 'Marked where it is nearer to the segment’s figure than to everyone else’s')]}>
          {traits.map(({ trait, value, fits }) => (
            <tr key={trait.key}>
              <th scope="row">{traitInShort(trait)}</th>
              <td className="number" data-label="Segment">{inUnit(trait.segmentValue, trait.unit)}</td>
              <td className="number quiet" data-label="Others">{inUnit(trait.restValue, trait.unit)}</td>
              <td className="number" data-label="This customer">
                <Badge tone={fits ? 'good' : 'plain'}>
                  {inUnit(value, trait.unit)}
                  <span className="hidden-visually">{fits ? ', fits' : ', does not fit'}</span>
                </Badge>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <h3>What would change it</h3>
      {changes.length === 0 && (
        <p className="quiet small">
          Nothing that was tried: neither up to {counted(changesTriedTimes, 'time')} more of what people do most here, nor up to {counted(changesTriedDays, 'day')} of nothing.
        </p>
      )}
      <ul className="plain">
        {changes.map(({ kind, event, thenEvent, times, days, strength: there, segment: to }) => (
          <li key={`${kind}${event ?? ''}`}>
            {kind === 'WAIT' ? `Doing nothing for ${counted(days ?? 0, 'day')}` : `“${event ?? ''}”${thenEvent === null ? '' : ` and then “${thenEvent}”`} ${times ?? 0} more ${times === 1 ? 'time' : 'times'}`} →{' '}
            {to ? <SegmentName segment={to} /> : 'unlike anything seen'} <span className="quiet small">{to && `${percent(there)}, `}the least that was tried</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
