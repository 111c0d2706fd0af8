import { useState, type ReactNode } from 'react';
import { Card } from '../parts/card';
import { Choice } from '../parts/choice';
import { Measured } from '../parts/figures';
import { Empty } from '../parts/states';
import { useViewer } from '../session/viewer';
import { figure } from '../wording/figure';
import { date, daysInWords } from '../wording/time';
import type { CustomerNow } from './customer';
import { horizonsOf, usualHorizon } from './horizon';

const SHOWN = 6;

/** What a customer is likely to do next, within one of the horizons that the model looks ahead. */
export function ForecastCard({ customer }: { customer: CustomerNow }): ReactNode {
  const currency = useViewer()?.workspace.settings.currency;
  const [wanted, setWanted] = useState<number>();
  const horizons = horizonsOf(customer.forecast);
  const horizon = wanted !== undefined && horizons.includes(wanted) ? wanted : usualHorizon(horizons);
  if (horizon === undefined)
    return (
      <Card title="Likely next" flush>
        <Empty title="No forecast yet">There is one once the model has read this customer.</Empty>
      </Card>
    );
  return (
    <Card
      title="Likely next"
      note={`Chance of at least one within ${daysInWords(horizon)}`}
      actions={
        horizons.length > 1 && (
          <Choice
            label="How far ahead"
            options={horizons.map((days) => ({ value: String(days), words: daysInWords(days) }))}
            value={String(horizon)}
            onChange={(days) => setWanted(Number(days))}
          />
        )
      }
      flush
    >
      <table>
        <tbody>
          {customer.forecast
            .filter(({ horizonDays }) => horizonDays === horizon)
            .slice(0, SHOWN)
            .map(({ event, probability, expectedValue, ...when }) => (
              <tr key={event}>
                <th scope="row">
                  {event}
                  {expectedValue > 0 && <div className="small quiet light">worth {[figure(expectedValue), currency].filter(Boolean).join(' ')}</div>}
                  <When {...when} />
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
