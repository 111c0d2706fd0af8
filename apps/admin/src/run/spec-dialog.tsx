import { useState, type ReactNode } from 'react';
import { Dialog } from '../parts/dialog';
import { draftOf, ENCODERS, OBJECTIVES, PRECISIONS, specOf, type Draft, type Spec } from './spec-draft';
import { useStartRun } from './use-start-run';
import './spec-dialog.css';

type Typed = { [Name in keyof Draft]: Draft[Name] extends string ? Name : never }[keyof Draft];
interface Field {
  name: Typed;
  label: string;
  /** What is meant, by example. */
  like: string;
}

const DATA: readonly Field[] = [
  { name: 'mainEvents', label: 'Main events', like: 'Order Completed' },
  { name: 'valueProperty', label: 'Property with their value', like: 'revenue' },
  { name: 'itemField', label: 'Items to recommend', like: 'products.product_id' },
  { name: 'sampleFraction', label: 'Share of customers', like: '1' },
  { name: 'keepProperties', label: 'Properties to learn from, whatever the leak guard says', like: 'coupon, products.price' },
  { name: 'leaveOutProperties', label: 'Properties never to learn from', like: 'gender' },
];
const MODEL: readonly Field[] = [
  { name: 'horizonDays', label: 'Horizons, in days', like: '30, 90, 180' },
  { name: 'halfLifeDays', label: 'Half-lives, in days', like: '1, 7, 30, 90' },
  { name: 'segmentCount', label: 'Segments', like: '8' },
  { name: 'width', label: 'Width of the embedding', like: '64' },
  { name: 'epochs', label: 'Epochs', like: '10' },
  { name: 'batchSize', label: 'Customers per step', like: '256' },
  { name: 'learningRate', label: 'Learning rate', like: '0.002' },
  { name: 'seed', label: 'Seed', like: '0' },
];

/** What a run is to train. Every empty field is left to the data or the default, as the server knows them. */
export function SpecDialog({ spec, onClose }: { spec?: Spec | undefined; onClose: () => void }): ReactNode {
  const [draft, setDraft] = useState(() => draftOf(spec));
  const [problem, setProblem] = useState<ReactNode>();
  const { isStarting, start } = useStartRun();
  const change = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));

  const confirm = async (): Promise<void> => {
    const asked = specOf(draft);
    const trouble = typeof asked === 'string' ? asked : await start(asked);
    if (trouble) setProblem(trouble);
    else onClose();
  };

  const typed = ({ name, label, like }: Field): ReactNode => (
    <label key={name} className="field">
      {label}
      <input value={draft[name]} placeholder={like} autoComplete="off" onChange={(event) => change({ [name]: event.target.value })} />
    </label>
  );

  return (
    <Dialog title="What to train" confirm="Retrain with these" busy={isStarting} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>What you leave empty is taken from the data, or is the default.</p>
      <div className="spec-fields">{DATA.map(typed)}</div>
      <label className="field">
        Encoder
        <select value={draft.encoder} onChange={(event) => change({ encoder: event.target.value })}>
          <option value="">the default</option>
          {ENCODERS.map((name) => (
            <option key={name} value={name}>
              {name.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
      </label>
      <fieldset className="spec-objectives">
        <legend>Pretext tasks and their weights; none: the default ones</legend>
        {OBJECTIVES.map((name) => (
          <label key={name} className="field">
            {name.replaceAll('_', ' ')}
            <input
              value={draft.objectives[name] ?? ''}
              placeholder="–"
              inputMode="decimal"
              autoComplete="off"
              onChange={(event) => change({ objectives: { ...draft.objectives, [name]: event.target.value } })}
            />
          </label>
        ))}
      </fieldset>
      <div className="spec-fields">{MODEL.map(typed)}</div>
      <label className="field">
        Precision of products
        <select value={draft.precision} onChange={(event) => change({ precision: event.target.value })}>
          <option value="">as the machine can</option>
          {PRECISIONS.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="spec-leaks">
        <input type="checkbox" checked={draft.keepLeaks} onChange={(event) => change({ keepLeaks: event.target.checked })} />
        Learn also from all properties that the leak guard leaves out
      </label>
    </Dialog>
  );
}
