import { useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { WebhooksDocument, type WebhookRowFragment } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty, Notice } from '../parts/states';
import { number, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { count } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { toldOf } from './told';
import { CreateDialog } from './webhook-dialogs';

const PAGE = 20;

export function WebhooksPage(): ReactNode {
  const paging = usePaging(PAGE);
  const reading = useReading(WebhooksDocument, { first: PAGE, after: paging.after }, { everyMs: 5_000 });
  const { data, again } = reading;
  const [isMaking, setMaking] = useState(false);
  const [fresh, setFresh] = useState<{ url: string; secret: string }>();
  const list = data?.webhooks;
  const make = (
    <button type="button" className="button primary" onClick={() => setMaking(true)}>
      Make a webhook
    </button>
  );
  return (
    <>
      <PageHead title="Webhooks" below={<p className="quiet">Who is told, by HTTP, as customers enter and leave segments and become unusual, and of events that are.</p>} actions={make} />
      {fresh && (
        <Notice tone="good" title={`The secret that signs what is sent to ${fresh.url}, shown this once`}>
          <code className="mono">{fresh.secret}</code>
        </Notice>
      )}
      <Card title="Webhooks of the workspace" flush>
        <PagedList
          what="webhooks"
          reading={reading}
          list={list}
          paging={paging}
          empty={
            <Empty title="Nobody is told yet" action={make}>
              A webhook sends each entry and exit as a signed track call, in order per customer.
            </Empty>
          }
        >
          {(webhooks) => (
            <Table columns={['Receiver', 'State', 'Told of', number('Waiting'), number('Given up'), 'Made']}>
              {webhooks.map((webhook) => (
                <Row key={webhook.id} webhook={webhook} />
              ))}
            </Table>
          )}
        </PagedList>
      </Card>
      {isMaking && <CreateDialog onClose={() => setMaking(false)} onChanged={again} onSecret={(url, secret) => setFresh({ url, secret })} />}
    </>
  );
}

function Row({ webhook }: { webhook: WebhookRowFragment }): ReactNode {
  const now = useNow(60_000);
  const { id, url, isEnabled, waitingDeliveries, deadDeliveries, createdAt } = webhook;
  return (
    <tr>
      <th scope="row">
        <Link to={`/webhooks/${encodeURIComponent(id)}`}>{url}</Link>
      </th>
      <td data-label="State">
        <Badge tone={isEnabled ? 'live' : 'plain'}>{isEnabled ? 'sending' : 'off'}</Badge>
      </td>
      <td data-label="Told of">{toldOf(webhook)}</td>
      <td data-label="Waiting" className="number">{count(waitingDeliveries)}</td>
      <td data-label="Given up" className="number">{deadDeliveries > 0 ? <Badge tone="bad">{count(deadDeliveries)}</Badge> : '0'}</td>
      <td data-label="Made" className="nowrap" title={dateAndTime(createdAt)}>
        {ago(createdAt, now)}
      </td>
    </tr>
  );
}
