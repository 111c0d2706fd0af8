import type { ReactNode } from 'react';
import { CustomerLink } from '../customer/customer-link';
import { ReplayWebhookDeliveryDocument, type DeliveryRowFragment, type WebhookDeliveryState } from '../gen/graphql';
import { useNow } from '../parts/clock';
import { Badge, type Tone } from '../parts/figures';
import { unseen, Table } from '../parts/table';
import { useButtonAction } from '../session/action';
import { counted } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';

const STATES: Record<WebhookDeliveryState, { readonly words: string; readonly tone: Tone }> = {
  WAITING: { words: 'waiting', tone: 'live' },
  DELIVERED: { words: 'delivered', tone: 'good' },
  DEAD: { words: 'given up', tone: 'bad' },
};

export function DeliveryTable({ deliveries, onChanged }: { deliveries: readonly DeliveryRowFragment[]; onChanged: () => void }): ReactNode {
  return (
    <Table columns={['Event', 'Customer', 'State', 'Answer', unseen('What to do')]}>
      {deliveries.map((delivery) => (
        <Row key={delivery.id} delivery={delivery} onChanged={onChanged} />
      ))}
    </Table>
  );
}

function Row({ delivery, onChanged }: { delivery: DeliveryRowFragment; onChanged: () => void }): ReactNode {
  const now = useNow(5_000);
  const { isBusy, run } = useButtonAction(ReplayWebhookDeliveryDocument, 'WebhookDelivery');
  const { id, event, segment, customer, state, attempts, responseStatus, error: why, createdAt } = delivery;
  const { words, tone } = STATES[state];

  const again = async (): Promise<void> => {
    await run({ id });
    onChanged();
  };

  return (
    <tr>
      <th scope="row" title={dateAndTime(createdAt)}>
        {event}
        <div className="small quiet">
          {segment && `${segment.name}, `}
          {ago(createdAt, now)}
        </div>
      </th>
      <td data-label="Customer">{customer ? <CustomerLink customer={customer} /> : <span className="quiet">erased</span>}</td>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge>
        <div className="small quiet">{counted(attempts, 'attempt')}</div>
      </td>
      <td data-label="Answer">
        {responseStatus ?? '–'}
        {why && <div className="small quiet">{why}</div>}
      </td>
      <td>
        {state !== 'WAITING' && (
          <span className="row tight nowrap end">
            <button type="button" className="button bare" disabled={isBusy} onClick={() => void again()}>
              Send again
            </button>
          </span>
        )}
      </td>
    </tr>
  );
}
