import type { ReactNode } from 'react';
import { CustomerPredictionsDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge, Measured } from '../parts/figures';
import { useReading } from '../session/reading';
import { dateAndTime } from '../wording/time';

/** What a head says follows events: how often to look. */
const LOOK_MS = 5_000;

/** What labels of others say of a customer; nothing where there is no head. */
export function PredictionsCard({ id }: { id: string }): ReactNode {
  const { data } = useReading(CustomerPredictionsDocument, { id }, { everyMs: LOOK_MS });
  const predictions = data?.customer?.predictions ?? [];
  if (predictions.length === 0) return null;
  return (
    <Card title="What labels say" note="Chance that the answer is yes" flush>
      <table>
        <tbody>
          {predictions.map(({ labelSet, probability, isLive, asOf }) => (
            <tr key={labelSet.id}>
              <th scope="row">
                {labelSet.name}
                <div className="small quiet light" title={dateAndTime(asOf)}>
                  {isLive ? <Badge tone="live">now</Badge> : `as of ${dateAndTime(asOf)}; what came since is not in it`}
                </div>
              </th>
              <td>
                <Measured value={probability} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
