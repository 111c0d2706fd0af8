import type { ReactNode } from 'react';
import { Card } from '../parts/card';
import { Badge, Meter } from '../parts/figures';
import { Empty } from '../parts/states';
import { KINDS } from '../segment/kind';
import { SegmentName, useLooks } from '../segment/looks';
import { saysMore } from '../segment/trait';
import { TraitChips } from '../segment/traits';
import { percent } from '../wording/figure';
import { date, dateAndTime } from '../wording/time';
import type { CustomerNow } from './customer';
import { besidesOf, placeOf } from './place';

/** Where a customer belongs, how surely and since when; and how strange the model finds them. */
export function MembershipCard({ customer }: { customer: CustomerNow }): ReactNode {
  const { isScored, memberships, unusual } = customer;
  const place = placeOf(memberships);
  const besides = besidesOf(memberships);
  return (
    <Card title="Belongs to" note={place && decided(place)}>
      {!isScored ? (
        <Empty title="Not read yet">The model reads a customer as soon as their next event arrives, or with the next run.</Empty>
      ) : (
        <div className="stack">
          {place ? <MembershipRow membership={place} /> : <p>No segment of the model fits: this customer is unlike anything it has seen.</p>}
          {besides.length > 0 && <Besides memberships={besides} />}
          {unusual && <Novelty {...unusual} />}
        </div>
      )}
    </Card>
  );
}

function decided({ decidedAt, model }: CustomerNow['memberships'][number]): string {
  return `as of ${dateAndTime(decidedAt)}${model ? `, by model v${model.version}` : ''}`;
}

function MembershipRow({ membership }: { membership: CustomerNow['memberships'][number] }): ReactNode {
  const { segment, finer, strength, since } = membership;
  const colour = useLooks()(segment.id).colour;
  return (
    <div className="membership">
      <div className="row">
        <strong>
          <SegmentName segment={segment} />
        </strong>
        <span className="quiet small" title={dateAndTime(since)}>
          since {date(since)}
        </span>
      </div>
      {(segment.parent ?? finer) && (
        <p className="small levels">
          {segment.parent && (
            <span>
              <span className="quiet">part of</span> <SegmentName segment={segment.parent} />
            </span>
          )}
          {finer && (
            <span>
              <span className="quiet">more finely</span> <SegmentName segment={finer} />
            </span>
          )}
        </p>
      )}
      {saysMore(segment.description, segment.traits) && <p className="quiet small">{segment.description}</p>}
      <div className="strength">
        <Meter value={strength} colour={colour} label={`Strength of “${segment.name}”`} />
        <span>
          <b>{percent(strength)}</b> <span className="quiet small">strength</span>
        </span>
      </div>
      <TraitChips traits={segment.traits} />
    </div>
  );
}

/** What people defined, and since when the customer is in it. */
function Besides({ memberships }: { memberships: CustomerNow['memberships'] }): ReactNode {
  return (
    <div className="membership">
      <h3>Also in</h3>
      <ul className="besides">
        {memberships.map(({ segment, since }) => (
          <li key={segment.id} className="row tight">
            <SegmentName segment={segment} />
            <span className="quiet small" title={dateAndTime(since)}>
              {KINDS[segment.kind].toLowerCase()}, since {date(since)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Novelty({ value, threshold, inWords, isUnusual, since }: NonNullable<CustomerNow['unusual']>): ReactNode {
  return (
    <div className="novelty">
      <div className="row spread">
        <h3>Novelty</h3>
        <span className="row">
          {isUnusual && since !== null && (
            <span title={dateAndTime(since)}>
              <Badge tone="warn">unusual since {date(since)}</Badge>
            </span>
          )}
          <b>{value.toFixed(2)}</b>
        </span>
      </div>
      <div className="gauge" role="meter" aria-label="Novelty" aria-valuemin={0} aria-valuemax={1} aria-valuenow={value} aria-valuetext={inWords}>
        {threshold !== null && <i title={`unusual from ${threshold.toFixed(2)} on`} style={{ left: `${threshold * 100}%` }} />}
        <span style={{ left: `${value * 100}%` }} />
      </div>
      <p className="small quiet">{inWords}</p>
    </div>
  );
}
