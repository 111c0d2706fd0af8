import { Fragment, type ReactNode } from 'react';
import { inWords } from '../definition/condition';
import { CustomerDefinitionsDocument, SegmentsDocument, type CustomerConditionInput, type CustomerDefinitionsQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { Loading, Problem } from '../parts/states';
import { Table } from '../parts/table';
import { SegmentName } from '../segment/looks';
import { useReading } from '../session/reading';
import { measure } from '../wording/figure';
import type { CustomerNow } from './customer';
import { CustomerLink } from './customer-link';
import { asksAttribute, findingInWords } from './finding';

type Why = NonNullable<CustomerDefinitionsQuery['customer']>['memberships'][number]['why'];

/** Why a customer is in segments that people defined: what the rule finds, how close they are to the examples. Nothing where they are in none of these. */
export function DefinitionsCard({ customer: { id, memberships } }: { customer: CustomerNow }): ReactNode {
  const isInAny = memberships.some(({ segment }) => segment.kind === 'RULE' || segment.kind === 'EXAMPLE');
  const { data, error, isLoading, again } = useReading(CustomerDefinitionsDocument, { id }, { pause: !isInAny });
  const { data: all } = useReading(SegmentsDocument, {}, { pause: !isInAny });
  if (!isInAny) return null;
  const nameOf = (segmentId: string): string | undefined => all?.segments.nodes.find((segment) => segment.id === segmentId)?.name;
  const told = (data?.customer?.memberships ?? []).filter(({ why }) => why.conditions ?? why.closeness);
  return (
    <Card title="By definition" note="What rules and examples find of this customer">
      {error && !data && <Problem error={error} again={again} />}
      {isLoading && !data && <Loading what="what they find" lines={3} />}
      <div className="stack">
        {told.map(({ segment, why }) => (
          <div key={segment.id} className="stack tight">
            <SegmentName segment={segment} />
            {why.conditions && <Found conditions={why.conditions} nameOf={nameOf} />}
            {why.closeness && <Close closeness={why.closeness} />}
          </div>
        ))}
      </div>
    </Card>
  );
}

interface FoundProps {
  conditions: NonNullable<Why['conditions']>;
  nameOf: (segmentId: string) => string | undefined;
}

function Found({ conditions, nameOf }: FoundProps): ReactNode {
  return (
    <Table columns={['The rule asks', 'There is', 'Met']} folds={false}>
      {conditions.map(({ path, condition, isMet, ...found }) => (
        <tr key={path}>
          {/* A condition without others in it is one sentence. */}
          <th scope="row">{String(inWords(condition as CustomerConditionInput, nameOf))}</th>
          <td className="quiet">{findingInWords(found, asksAttribute(condition as CustomerConditionInput))}</td>
          <td>
            <Badge tone={isMet ? 'good' : 'plain'}>{isMet ? 'yes' : 'no'}</Badge>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Close({ closeness: { closeness, threshold, leavesBelow, examples } }: { closeness: NonNullable<Why['closeness']> }): ReactNode {
  return (
    <p>
      Closeness {measure(closeness)} <span className="quiet">(comes in from {measure(threshold)}, leaves below {measure(leavesBelow)})</span>, most like{' '}
      {examples.map(({ customer }, at) => (
        <Fragment key={customer.id}>
          {at > 0 && ', '}
          <CustomerLink customer={customer} />
        </Fragment>
      ))}
      .
    </p>
  );
}
