import { useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { CreateWebhookDocument, DeleteWebhookDocument, RotateWebhookSecretDocument, SegmentsDocument, type WebhookRowFragment } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useOverlap } from '../parts/overlap';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { isOfSegments, type Telling, TELLINGS } from './told';

interface CreateDialogProps {
  onClose: () => void;
  onChanged: () => void;
  /** A secret is shown once: whoever opened the dialog keeps it in sight. */
  onSecret: (url: string, secret: string) => void;
}

export function CreateDialog({ onClose, onChanged, onSecret }: CreateDialogProps): ReactNode {
  const [url, setUrl] = useState('https://');
  /** None: all, those to come included. */
  const [segmentIds, setSegments] = useState<readonly string[]>([]);
  const [telling, setTelling] = useState<Telling>('segments');
  const { isBusy, problem, run } = useFormAction(CreateWebhookDocument, 'WebhookCreated');
  const { data } = useReading(SegmentsDocument, {});

  const confirm = async (): Promise<void> => {
    const made = await run({ input: { url: url.trim(), events: [...TELLINGS[telling].events], ...(segmentIds.length === 0 || !isOfSegments(telling) ? {} : { segmentIds: [...segmentIds] }) } });
    if (!made) return;
    onSecret(made.webhook.url, made.secret);
    onChanged();
    onClose();
  };

  return (
    <Dialog title="Make a webhook" confirm="Make" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <label className="field">
        URL
        <input type="url" value={url} onChange={(event) => setUrl(event.target.value)} autoComplete="off" />
      </label>
      <label className="field">
        It is told of
        <select value={telling} onChange={(event) => setTelling(event.target.value as Telling)}>
          {Object.entries(TELLINGS).map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {isOfSegments(telling) && (
        <fieldset className="several">
          <legend>Segments; none: all, those to come included</legend>
          {data?.segments.nodes.map(({ id, name }) => (
            <label key={id}>
              <input type="checkbox" checked={segmentIds.includes(id)} onChange={({ target }) => setSegments(target.checked ? [...segmentIds, id] : segmentIds.filter((one) => one !== id))} />
              {name}
            </label>
          ))}
        </fieldset>
      )}
    </Dialog>
  );
}

interface RotateDialogProps {
  webhook: WebhookRowFragment;
  onClose: () => void;
  onChanged: () => void;
  /** A secret is shown once: whoever opened the dialog keeps it in sight. */
  onSecret: (secret: string) => void;
}

export function RotateDialog({ webhook, onClose, onChanged, onSecret }: RotateDialogProps): ReactNode {
  const { overlapSeconds, field } = useOverlap(webhook);
  const { isBusy, problem, run } = useFormAction(RotateWebhookSecretDocument, 'WebhookSecretRotated');

  const confirm = async (): Promise<void> => {
    const rotated = await run({ id: webhook.id, overlapSeconds });
    if (!rotated) return;
    onSecret(rotated.secret);
    onChanged();
    onClose();
  };

  return (
    <Dialog title="A new secret for the webhook" confirm="Rotate" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>The new secret signs at once. Give it to the receiver while the present one signs too.</p>
      {field}
    </Dialog>
  );
}

export function DeleteDialog({ webhook, onClose }: { webhook: WebhookRowFragment; onClose: () => void }): ReactNode {
  const say = useSay();
  const navigate = useNavigate();
  const { isBusy, problem, run } = useFormAction(DeleteWebhookDocument, 'WebhookDeleted');

  const confirm = async (): Promise<void> => {
    if (!(await run({ id: webhook.id }))) return;
    say(`Nothing is sent to ${webhook.url} any more.`);
    void navigate('/webhooks');
  };

  return (
    <Dialog title="Delete the webhook?" confirm="Delete" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>What waits to be sent and its log go with it. To stop for a while only, turn it off.</p>
    </Dialog>
  );
}
