import type { ReactNode } from 'react';
import { Card } from '../parts/card';
import { Measured } from '../parts/figures';
import { Empty } from '../parts/states';
import { useViewer } from '../session/viewer';
import { figure } from '../wording/figure';
import { date, daysInWords } from '../wording/time';
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
            {customer.forecast.map(({ event, horizonDays, probability, expectedValue, ...when }, at) => (
              <tr key={`${event} ${horizonDays}`}>
                <th scope="row">
                  {event}
                  <div className="small quiet light">
                    within {daysInWords(horizonDays)}
                    {expectedValue > 0 && `, worth ${figure(expectedValue)} ${currency ?? ''}`}
                  </div>
                  {customer.forecast.findIndex((other) => other.event === event) === at && <When {...when} />}
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

/** When the next one is expected; nothing where it lies beyond what is foreseen. */
function When({ expectedAt, earliestAt, latestAt }: Pick<CustomerNow['forecast'][number], 'expectedAt' | 'earliestAt' | 'latestAt'>): ReactNode {
  if (!expectedAt) return null;
  const range = [earliestAt && `not before ${date(earliestAt)}`, latestAt && `by ${date(latestAt)}`].filter(Boolean).join(', ');
  return (
    <div className="small quiet light" title={range && `In nine of ten cases ${range}`}>
      next about {date(expectedAt)}
    </div>
  );
}
