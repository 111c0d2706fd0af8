import type { ReactNode } from 'react';
import type { PreviewImportQuery } from '../gen/graphql';
import { readable, reasonInWords } from '../intake/reasons';
import { Card } from '../parts/card';
import { Notice } from '../parts/states';
import { Table } from '../parts/table';
import { count, counted } from '../wording/figure';
import { RowCounts } from './row-counts';

export type Preview = Extract<PreviewImportQuery['previewImport'], { __typename: 'ImportPreview' }>;

/** Events shown whole: enough to see what a row has become. */
const EVENTS_SHOWN = 3;

/** What a mapping makes of a file's first rows. */
export function PreviewCards({ preview }: { preview: Preview }): ReactNode {
  const { rows, rowsFolded, events, skipped, rejected, eventsRejected, guesses, refusals } = preview;
  return (
    <div className="stack">
      <Card title={`Of the first ${counted(rows, 'row')}`}>
        <div className="stack tight">
          {events.length === 0 && (
            <Notice tone="warn" title="None of them becomes an event">
              Look at why below, and change the mapping.
            </Notice>
          )}
          <p>
            {count(rowsFolded)} become {counted(events.length + eventsRejected, 'event')}
            {eventsRejected > 0 && `, ${count(eventsRejected)} of which would be refused`}.
          </p>
          {skipped.length > 0 && (
            <div>
              <p className="small quiet">Left out by the mapping</p>
              <RowCounts counts={skipped} />
            </div>
          )}
          {rejected.length > 0 && (
            <div>
              <p className="small quiet">No event can be made of</p>
              <RowCounts counts={rejected} />
            </div>
          )}
          {guesses.length > 0 && (
            <details>
              <summary className="small">Why it was guessed so</summary>
              <ul className="small">
                {guesses.map((guess) => (
                  <li key={guess}>{guess}</li>
                ))}
              </ul>
            </details>
          )}
        </div>
      </Card>
      {refusals.length > 0 && (
        <Card title="What would be refused" note="The first of them, by line" flush>
          <Table columns={['Line', 'Why', 'What is wrong']}>
            {refusals.map(({ line, reason, detail, payload }) => (
              <tr key={`${line} ${reason}`}>
                <td data-label="Line">{count(line)}</td>
                <th scope="row">{reasonInWords(reason)}</th>
                <td>
                  {detail}
                  <details>
                    <summary className="small">What it says</summary>
                    <pre className="mono">{readable(payload)}</pre>
                  </details>
                </td>
              </tr>
            ))}
          </Table>
        </Card>
      )}
      {events.length > 0 && (
        <Card title="Events as they would be stored" note={events.length > EVENTS_SHOWN ? `The first ${EVENTS_SHOWN} of ${count(events.length)}` : undefined}>
          <div className="stack tight">
            {events.slice(0, EVENTS_SHOWN).map((event, at) => (
              <pre key={at} className="mono">
                {JSON.stringify(event, null, 2)}
              </pre>
            ))}
          </div>
        </Card>
      )}
    </div>
  );
}
