import { useState, type ReactNode } from 'react';
import { UndoMergeDocument, type PersonKeptFragment } from '../gen/graphql';
import { Actor } from '../key/actor';
import { Card } from '../parts/card';
import { Dialog } from '../parts/dialog';
import { unseen, Table } from '../parts/table';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { count } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { keyInWords } from './whom';

type Merge = PersonKeptFragment['mergeHistory']['nodes'][number];

const CAUSES: Record<Merge['cause'], string> = { SEEN_TOGETHER: 'an event carried both', ALIAS: 'an alias call said so' };

/** What made one customer of several ids; each can be undone. */
export function MergesCard({ merges, total, onUndone }: { merges: readonly Merge[]; total: number; onUndone: () => void }): ReactNode {
  const [asked, setAsked] = useState<Merge>();
  return (
    <Card title="What joined their ids" note={total > merges.length ? `the newest ${merges.length} of ${count(total)}` : undefined} flush>
      <Table columns={['This id', 'Is whom', 'Because', 'Since', unseen('What to do')]}>
        {merges.map((merge) => (
          <tr key={merge.id}>
            <th scope="row">{keyInWords(merge.from)}</th>
            <td data-label="Is whom">{keyInWords(merge.into)}</td>
            <td data-label="Because">{CAUSES[merge.cause]}</td>
            <td data-label="Since">{dateAndTime(merge.mergedAt)}</td>
            <td>
              {merge.undoneAt ? (
                <span className="quiet">
                  undone {dateAndTime(merge.undoneAt)} {merge.undoneBy && <>by <Actor actor={merge.undoneBy} /></>}
                </span>
              ) : (
                <button type="button" className="button bare" aria-label={`Take apart ${keyInWords(merge.from)}`} onClick={() => setAsked(merge)}>
                  Take apart
                </button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {asked && <UndoDialog merge={asked} onUndone={onUndone} onClose={() => setAsked(undefined)} />}
    </Card>
  );
}

function UndoDialog({ merge, onUndone, onClose }: { merge: Merge; onUndone: () => void; onClose: () => void }): ReactNode {
  const { isBusy, problem, run } = useFormAction(UndoMergeDocument, 'MergeUndone');
  const say = useSay();
  const confirm = async (): Promise<void> => {
    if (!(await run({ id: merge.id }))) return;
    say('They are two customers again; what is known of both follows within seconds.');
    onUndone();
    onClose();
  };
  return (
    <Dialog title={`Take ${keyInWords(merge.from)} apart?`} confirm="Take apart" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>
        {keyInWords(merge.from)} and {keyInWords(merge.into)} become two customers, for good: nothing joins these two again. Events stay as they are.
      </p>
    </Dialog>
  );
}
