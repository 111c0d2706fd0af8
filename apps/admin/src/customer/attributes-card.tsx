import type { ReactNode } from 'react';
import { Card } from '../parts/card';
import { factsOf } from './properties';

/** What is known beside events. */
export function AttributesCard({ attributes }: { attributes: unknown }): ReactNode {
  const facts = factsOf(attributes);
  if (facts.length === 0) return null;
  return (
    <Card title="Attributes" note="From identify">
      <dl className="facts">
        {facts.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
