import { useState, type ReactNode } from 'react';
import { CustomerLink } from '../customer/customer-link';
import { EventReceiptDocument, type EventOutcome, type EventReceiptQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge, type Tone } from '../parts/figures';
import { Loading, Notice, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { counted } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { reasonInWords } from './reasons';

const OUTCOMES: Record<EventOutcome, { words: string; tone: Tone }> = {
  STORED: { words: 'Stored', tone: 'good' },
  DUPLICATE: { words: 'Duplicate', tone: 'plain' },
  REJECTED: { words: 'Rejected', tone: 'bad' },
};

/** What became of one message id. */
export function ReceiptCard(): ReactNode {
  const [text, setText] = useState('');
  const [asked, setAsked] = useState('');
  const { data, error, isLoading, again } = useReading(EventReceiptDocument, { messageId: asked }, { pause: !asked });
  const receipt = data?.eventReceipt;
  return (
    <Card title="Receipt of an event" note="What became of a message id">
      <div className="stack tight">
        <form
          className="look-up"
          onSubmit={(event) => {
            event.preventDefault();
            setAsked(text.trim());
          }}
        >
          <label className="field">
            Message id
            <span className="row tight">
              <input className="box" autoComplete="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
              <button type="submit" className="button" disabled={!text.trim()}>
                Ask
              </button>
            </span>
          </label>
        </form>
        {error && <Problem error={error} again={again} />}
        {asked && isLoading && <Loading what="the receipt" lines={2} />}
        {asked && receipt === null && <Notice tone="warn" title="It never came">No event with that message id has arrived. Check the sender, and that it writes to this workspace.</Notice>}
        {asked && receipt && <Receipt receipt={receipt} />}
      </div>
    </Card>
  );
}

function Receipt({ receipt }: { receipt: NonNullable<EventReceiptQuery['eventReceipt']> }): ReactNode {
  const { words, tone } = OUTCOMES[receipt.outcome];
  return (
    <div className="stack tight" role="status">
      <div className="row">
        <Badge tone={tone}>{words}</Badge>
        <span>arrived {dateAndTime(receipt.receivedAt)}</span>
        {receipt.occurredAt && <span className="quiet">happened {dateAndTime(receipt.occurredAt)}</span>}
        {receipt.duplicates > 0 && <span className="quiet">and came {counted(receipt.duplicates, 'more time')}</span>}
        {receipt.customer && <CustomerLink customer={receipt.customer} />}
      </div>
      {receipt.reason && (
        <p>
          <b>{reasonInWords(receipt.reason)}.</b> {receipt.detail}
        </p>
      )}
    </div>
  );
}
