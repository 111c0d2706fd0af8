import type { ReactNode } from 'react';
import type { SegmentDetailQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { percent } from '../wording/figure';
import './rule.css';

type Rule = NonNullable<NonNullable<SegmentDetailQuery['segment']>['rule']>;

/** The segment in a sentence that anyone could check of a customer, and how far it can be trusted. */
export function RuleCard({ rule }: { rule: Rule }): ReactNode {
  const { isFaithful, conditions, fidelity } = rule;
  return (
    <Card title="In a short rule" note="An approximation: the model sees more">
      <div className="rule">
        {!isFaithful && <p>No short rule describes this segment well.{conditions.length > 0 && ' The closest:'}</p>}
        {conditions.length > 0 && (
          <ul className={isFaithful ? 'conditions' : 'conditions quiet'}>
            {conditions.map(({ text }) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        )}
        <p className="row tight small">
          <Badge tone={isFaithful ? 'good' : 'warn'}>fidelity {fidelity.toFixed(2)}</Badge>
          <span className="quiet">{inWords(rule)}</span>
        </p>
      </div>
    </Card>
  );
}

function inWords({ precision, recall }: Rule): string {
  return `${percent(precision)} of those it names are in the segment, and it names ${percent(recall)} of the segment`;
}
