import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';
import { CancelHeadDocument, TrainHeadDocument, type HeadEncoder } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge, Meter } from '../parts/figures';
import { Notice } from '../parts/states';
import { useButtonAction } from '../session/action';
import { useMay } from '../session/viewer';
import { percent } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { AddLabelsDialog } from './add-labels-dialog';
import { ChanceStandings, NumberStandings } from './evaluation';
import { isGoing, type Head, type LabelSet, labelsInWords, NEEDED, verdictInWords } from './label-set';

/** One label set: what it holds, the head that speaks for it, and the one that is being learned. */
export function LabelSetCard({ set, onChanged }: { set: LabelSet; onChanged: () => void }): ReactNode {
  const [latest] = set.heads.nodes;
  const going = latest && isGoing(latest) ? latest : undefined;
  const mayEdit = useMay('EDITOR');
  return (
    <Card
      title={set.name}
      note={`${labelsInWords(set)}; ${set.asOf === null ? 'as customers stand when a head is trained' : `asked on ${dateAndTime(set.asOf)}`}`}
      actions={mayEdit && <Actions set={set} isGoing={going !== undefined} onChanged={onChanged} />}
    >
      {going && <Going head={going} onChanged={onChanged} />}
      {latest?.state === 'FAILED' && <Notice tone="bad" title="The last head could not be learned.">{latest.error}</Notice>}
      {set.servedHead ? <Served head={set.servedHead} /> : !going && <p className="quiet">No head yet: with {NEEDED[set.kind]}, train one.</p>}
    </Card>
  );
}

function Actions({ set, isGoing: isBusy, onChanged }: { set: LabelSet; isGoing: boolean; onChanged: () => void }): ReactNode {
  const [isAdding, setAdding] = useState(false);
  const [encoder, setEncoder] = useState<HeadEncoder>('FROZEN');
  const train = useButtonAction(TrainHeadDocument, 'LabelHead');
  const mayUpload = useMay('ADMIN');

  const press = async (): Promise<void> => {
    if (await train.run({ input: { labelSetId: set.id, encoder } })) onChanged();
  };

  return (
    <div className="row tight">
      {mayUpload && <button type="button" className="button" onClick={() => setAdding(true)}>Add labels</button>}
      <select className="box" aria-label={`Encoder of ${set.name}`} value={encoder} onChange={(event) => setEncoder(event.target.value as HeadEncoder)}>
        <option value="FROZEN">frozen encoder</option>
        <option value="FINE_TUNED">fine-tuned encoder</option>
      </select>
      <button type="button" className="button primary" disabled={isBusy || train.isBusy} onClick={() => void press()}>Train</button>
      {isAdding && <AddLabelsDialog set={set} onClose={() => setAdding(false)} onChanged={onChanged} />}
    </div>
  );
}

function Going({ head, onChanged }: { head: Head; onChanged: () => void }): ReactNode {
  const [{ fetching }, cancel] = useMutation(CancelHeadDocument);
  const mayEdit = useMay('EDITOR');
  return (
    <p className="row tight" role="status">
      <Meter value={head.progress} /> {percent(Math.round(head.progress * 100) / 100)}
      <span className="quiet">{head.step}</span>
      {mayEdit && (
        <button type="button" className="button" disabled={fetching} onClick={() => void cancel({ id: head.id }).then(onChanged)}>
          Stop
        </button>
      )}
    </p>
  );
}

function Served({ head }: { head: Head }): ReactNode {
  const { evaluation, numberEvaluation } = head;
  const judged = evaluation ?? numberEvaluation;
  if (!judged) return null;
  const verdict = verdictInWords(judged);
  return (
    <div className="stack tight">
      <p className="row tight">
        <Badge tone={verdict.tone}>{verdict.words}</Badge>
        <span className="quiet">
          {head.encoder === 'FROZEN' ? 'frozen encoder' : 'fine-tuned encoder'}
          {head.model && ` of model v${head.model.version}`}
          {head.asOf !== null && `; trained on what was known on ${dateAndTime(head.asOf)}`}
        </span>
      </p>
      <p>{judged.sentence}</p>
      {evaluation && <ChanceStandings evaluation={evaluation} />}
      {numberEvaluation && <NumberStandings evaluation={numberEvaluation} />}
    </div>
  );
}
