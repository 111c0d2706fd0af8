import type { ReactNode } from 'react';
import { inWords } from '../definition/condition';
import { CustomerRulesDocument, SegmentsDocument, type CustomerConditionInput, type CustomerRulesQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { Loading, Problem } from '../parts/states';
import { Table } from '../parts/table';
import { SegmentName } from '../segment/looks';
import { useReading } from '../session/reading';
import type { CustomerNow } from './customer';
import { findingInWords } from './finding';

type Membership = NonNullable<CustomerRulesQuery['customer']>['memberships'][number];

/** What the rules that people made find of a customer who meets them; nothing where they meet none. */
export function RulesCard({ customer: { id, memberships } }: { customer: CustomerNow }): ReactNode {
  const isInAny = memberships.some(({ segment }) => segment.kind === 'RULE');
  const { data, error, isLoading, again } = useReading(CustomerRulesDocument, { id }, { pause: !isInAny });
  const { data: all } = useReading(SegmentsDocument, {}, { pause: !isInAny });
  if (!isInAny) return null;
  const nameOf = (segmentId: string): string | undefined => all?.segments.nodes.find((segment) => segment.id === segmentId)?.name;
  const told = (data?.customer?.memberships ?? []).filter(({ why }) => why.conditions);
  return (
    <Card title="Rules met" note="What each rule finds of this customer">
      {error && !data && <Problem error={error} again={again} />}
      {isLoading && !data && <Loading what="what the rules find" lines={3} />}
      <div className="stack">
        {told.map(({ segment, why }) => why.conditions && <Found key={segment.id} segment={segment} conditions={why.conditions} nameOf={nameOf} />)}
      </div>
    </Card>
  );
}

interface FoundProps {
  segment: Membership['segment'];
  conditions: NonNullable<Membership['why']['conditions']>;
  nameOf: (segmentId: string) => string | undefined;
}

function Found({ segment, conditions, nameOf }: FoundProps): ReactNode {
  return (
    <div className="stack tight">
      <SegmentName segment={segment} />
      <Table columns={['The rule asks', 'There is', 'Met']} folds={false}>
        {conditions.map(({ path, condition, isMet, ...found }) => (
          <tr key={path}>
            {/* A condition without others in it is one sentence. */}
            <th scope="row">{String(inWords(condition as CustomerConditionInput, nameOf))}</th>
            <td className="quiet">{findingInWords(found)}</td>
            <td>
              <Badge tone={isMet ? 'good' : 'plain'}>{isMet ? 'yes' : 'no'}</Badge>
            </td>
          </tr>
        ))}
      </Table>
    </div>
  );
}
