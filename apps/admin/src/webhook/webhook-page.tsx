import { useState, type ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { UpdateWebhookDocument, WebhookDetailDocument, type WebhookDeliveryState, type WebhookRowFragment } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Badge, Stat, Stats } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { count } from '../wording/figure';
import { date, dateAndTime } from '../wording/time';
import { DeliveryTable } from './delivery-table';
import { toldOf } from './told';
import { DeleteDialog, RotateDialog } from './webhook-dialogs';

const PAGE = 15;
const SHOWN: readonly { state: WebhookDeliveryState | null; words: string }[] = [
  { state: null, words: 'All' },
  { state: 'WAITING', words: 'Waiting' },
  { state: 'DELIVERED', words: 'Delivered' },
  { state: 'DEAD', words: 'Given up' },
];

export function WebhookPage(): ReactNode {
  const { id = '' } = useParams();
  const paging = usePaging(PAGE);
  const [state, setState] = useState<WebhookDeliveryState | null>(null);
  const { data, error, isLoading, again } = useReading(WebhookDetailDocument, { id, state, first: PAGE, after: paging.after }, { everyMs: 5_000 });
  const webhook = data?.node?.__typename === 'Webhook' ? data.node : undefined;
  const show = (asked: WebhookDeliveryState | null): void => {
    paging.restart();
    setState(asked);
  };
  const filter = (
    <span className="row tight" role="group" aria-label="Which deliveries">
      {SHOWN.map((one) => (
        <button key={one.words} type="button" className="button" aria-pressed={one.state === state} onClick={() => show(one.state)}>
          {one.words}
        </button>
      ))}
    </span>
  );
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="the webhook" lines={9} />}
      {data && !webhook && (
        <Empty title="There is no such webhook" action={<Link className="button" to="/webhooks">All webhooks</Link>}>
          It may have been deleted.
        </Empty>
      )}
      {webhook && (
        <>
          <Head webhook={webhook} onChanged={again} />
          <Card title="Deliveries" actions={filter} flush>
            {webhook.deliveries.nodes.length === 0 && <Empty title="None">Entries and exits are sent as they happen.</Empty>}
            {webhook.deliveries.nodes.length > 0 && (
              <>
                <DeliveryTable deliveries={webhook.deliveries.nodes} onChanged={again} />
                <Pager paging={paging} shown={webhook.deliveries.nodes.length} total={webhook.deliveries.totalCount} what="deliveries" pageInfo={webhook.deliveries.pageInfo} />
              </>
            )}
          </Card>
        </>
      )}
    </>
  );
}

function Head({ webhook, onChanged }: { webhook: WebhookRowFragment; onChanged: () => void }): ReactNode {
  const [isDeleting, setDeleting] = useState(false);
  const [isRotating, setRotating] = useState(false);
  const [secret, setSecret] = useState<string>();
  const { isBusy, run } = useButtonAction(UpdateWebhookDocument, 'Webhook');
  const { id, url, isEnabled, waitingDeliveries, deadDeliveries, createdAt, previousSecretUntil } = webhook;

  const turn = async (): Promise<void> => {
    await run({ id, input: { isEnabled: !isEnabled } });
    onChanged();
  };

  return (
    <>
      <PageHead
        tab={url}
        above={<Link to="/webhooks">Webhooks</Link>}
        title={url}
        actions={
          <>
            <button type="button" className="button" disabled={isBusy} onClick={() => void turn()}>
              {isEnabled ? 'Turn off' : 'Turn on'}
            </button>
            <button type="button" className="button" onClick={() => setRotating(true)}>
              New secret
            </button>
            <button type="button" className="button" onClick={() => setDeleting(true)}>
              Delete
            </button>
          </>
        }
      />
      {secret && (
        <Notice tone="good" title="The secret that signs what is sent from now on, shown this once">
          <code className="mono">{secret}</code>
        </Notice>
      )}
      <Stats>
        <Stat label="State" value={<Badge tone={isEnabled ? 'live' : 'plain'}>{isEnabled ? 'sending' : 'off'}</Badge>} words />
        <Stat label="Told of" value={toldOf(webhook)} words />
        <Stat label="Waiting" value={count(waitingDeliveries)} />
        <Stat label="Given up" value={count(deadDeliveries)} />
        <Stat label="Made" value={date(createdAt)} words />
        {previousSecretUntil && <Stat label="Former secret signs until" value={dateAndTime(previousSecretUntil)} words />}
      </Stats>
      {isRotating && <RotateDialog webhook={webhook} onClose={() => setRotating(false)} onChanged={onChanged} onSecret={setSecret} />}
      {isDeleting && <DeleteDialog webhook={webhook} onClose={() => setDeleting(false)} />}
    </>
  );
}
