import type { ReactNode } from 'react';
import { CustomerPredictionsDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge, Measured } from '../parts/figures';
import { useReading } from '../session/reading';
import { figure } from '../wording/figure';
import { dateAndTime } from '../wording/time';

/** What a head says follows events: how often to look. */
const LOOK_MS = 5_000;

/** What labels of others say of a customer; nothing where there is no head. */
export function PredictionsCard({ id }: { id: string }): ReactNode {
  const { data } = useReading(CustomerPredictionsDocument, { id }, { everyMs: LOOK_MS });
  const chances = data?.customer?.predictions ?? [];
  const numbers = data?.customer?.numberPredictions ?? [];
  if (chances.length + numbers.length === 0) return null;
  const notes = [...(chances.length > 0 ? ['Chance that the answer is yes'] : []), ...(numbers.length > 0 ? ['Number with the interval of nine in ten'] : [])];
  return (
    <Card title="What labels say" note={notes.join('. ')} flush>
      <table>
        <tbody>
          {chances.map(({ probability, ...said }) => (
            <Row key={said.labelSet.id} {...said}>
              <Measured value={probability} />
            </Row>
          ))}
          {numbers.map(({ number, low, high, ...said }) => (
            <Row key={said.labelSet.id} {...said}>
              {figure(number)} <div className="small quiet">{figure(low)} to {figure(high)}</div>
            </Row>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

interface RowProps {
  labelSet: { name: string };
  isLive: boolean;
  asOf: string;
  children: ReactNode;
}

function Row({ labelSet, isLive, asOf, children }: RowProps): ReactNode {
  return (
    <tr>
      <th scope="row">
        {labelSet.name}
        <div className="small quiet light" title={dateAndTime(asOf)}>
          {isLive ? <Badge tone="live">now</Badge> : `as of ${dateAndTime(asOf)}; what came since is not in it`}
        </div>
      </th>
      <td>{children}</td>
    </tr>
  );
}
