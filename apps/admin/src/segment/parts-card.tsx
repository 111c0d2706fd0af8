import type { ReactNode } from 'react';
import type { SegmentDetailQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Measured } from '../parts/figures';
import { number, Table } from '../parts/table';
import { count } from '../wording/figure';
import { SegmentName, useLooks } from './looks';

type Segment = NonNullable<SegmentDetailQuery['segment']>;

/** What the segment is made of: everyone in it is in one of these. */
export function PartsCard({ segment: { children, size } }: { segment: Segment }): ReactNode {
  const lookOf = useLooks();
  if (children.length === 0) return null;
  return (
    <Card title="Made of" note="Everyone in it is in one of these" flush>
      <Table columns={['Segment', number('Customers'), 'Of this one']}>
        {children.map((part) => (
          <tr key={part.id}>
            <th scope="row">
              <SegmentName segment={part} />
            </th>
            <td className="number" data-label="Customers">
              {count(part.size)}
            </td>
            <td data-label="Of this one">
              <Measured value={size === 0 ? 0 : part.size / size} colour={lookOf(part.id).colour} />
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}
