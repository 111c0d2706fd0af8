import type { ReactNode } from 'react';
import { Card } from '../parts/card';
import { Measured } from '../parts/figures';
import { Empty } from '../parts/states';
import { useViewer } from '../session/viewer';
import { figure } from '../wording/figure';
import { daysInWords } from '../wording/time';
import type { CustomerNow } from './customer';

/** What a customer is likely to do next. */
export function ForecastCard({ customer }: { customer: CustomerNow }): ReactNode {
  const currency = useViewer()?.workspace.settings.currency;
  return (
    <Card title="Likely next" note="Chance of at least one such event" flush>
      {customer.forecast.length === 0 ? (
        <Empty title="No forecast yet">There is one once the model has read this customer.</Empty>
      ) : (
        <table>
          <tbody>
            {customer.forecast.map(({ event, horizonDays, probability, expectedValue }) => (
              <tr key={`${event} ${horizonDays}`}>
                <th scope="row">
                  {event}
                  <div className="small quiet light">
                    within {daysInWords(horizonDays)}
                    {expectedValue > 0 && `, worth ${figure(expectedValue)} ${currency ?? ''}`}
                  </div>
                </th>
                <td>
                  <Measured value={probability} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
