import { useState, type ReactNode } from 'react';
import { CreateLabelSetDocument, type LabelKind, LabelSetsDocument } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Dialog } from '../parts/dialog';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { LabelSetCard } from './label-set-card';

const PAGE = 10;
/** A head that is being learned is looked at so often. */
const EVERY_MS = 2_000;

/** What somebody knows of a few customers, and what it says of all. */
export function LabelsPage(): ReactNode {
  const [isMaking, setMaking] = useState(false);
  const mayEdit = useMay('EDITOR');
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(LabelSetsDocument, { first: PAGE, after: paging.after }, { everyMs: EVERY_MS });
  const list = data?.labelSets;
  return (
    <>
      <PageHead
        title="Labels"
        below={<p className="quiet">What you know of a few customers becomes a probability or a number for all, judged beside what hand-made features give.</p>}
        actions={mayEdit && <button type="button" className="button primary" onClick={() => setMaking(true)}>New label set</button>}
      />
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="label sets" />}
      {list?.totalCount === 0 && (
        <Card title="Label sets">
          <Empty title="No label sets yet">A label set asks one question of which you know some customers’ answer: did they complain, did they buy the service plan, what did they spend.</Empty>
        </Card>
      )}
      {list?.nodes.map((set) => <LabelSetCard key={set.id} set={set} onChanged={again} />)}
      {list && <Pager paging={paging} shown={list.nodes.length} total={list.totalCount} what="label sets" pageInfo={list.pageInfo} />}
      {isMaking && <MakeDialog onClose={() => setMaking(false)} onChanged={again} />}
    </>
  );
}

function MakeDialog({ onClose, onChanged }: { onClose: () => void; onChanged: () => void }): ReactNode {
  const [name, setName] = useState('');
  const [kind, setKind] = useState<LabelKind>('BINARY');
  const [day, setDay] = useState('');
  const { isBusy, problem, run } = useFormAction(CreateLabelSetDocument, 'LabelSet');

  const confirm = async (): Promise<void> => {
    if (!(await run({ input: { name: name.trim(), kind, asOf: day === '' ? null : `${day}T00:00:00Z` } }))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog title="A new label set" confirm="Make" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <label className="field">
        The question
        <input value={name} onChange={(event) => setName(event.target.value)} maxLength={120} autoComplete="off" placeholder="Bought the service plan" />
      </label>
      <label className="field">
        The answer is
        <select className="box" value={kind} onChange={(event) => setKind(event.target.value as LabelKind)}>
          <option value="BINARY">yes or no</option>
          <option value="NUMERIC">a number</option>
        </select>
      </label>
      <label className="field">
        Asked on (nothing from this day on is seen of a customer; empty: as they stand when a head is trained)
        <input type="date" value={day} onChange={(event) => setDay(event.target.value)} />
      </label>
    </Dialog>
  );
}
