import { useState, type ReactNode } from 'react';
import { SpecChoicesDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { Loading, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { draftOf, PRECISIONS, specOf, type Draft, type Spec } from './spec-draft';
import { useStartRun } from './use-start-run';
import './spec-dialog.css';

type Typed = Exclude<keyof Draft, 'objectives' | 'keepLeaks' | 'encoder' | 'precision'>;
interface Field {
  label: string;
  /** What is meant, by example. */
  like: string;
}

const DATA = {
  mainEvents: { label: 'Main events', like: 'Order Completed' },
  valueProperty: { label: 'Property with their value', like: 'revenue' },
  itemField: { label: 'Items to recommend', like: 'products.product_id' },
  sampleFraction: { label: 'Share of customers', like: '1' },
  keepProperties: { label: 'Properties to learn from, whatever the leak guard says', like: 'coupon, products.price' },
  leaveOutProperties: { label: 'Properties never to learn from', like: 'gender' },
} satisfies Partial<Record<Typed, Field>>;
const MODEL = {
  horizonDays: { label: 'Horizons, in days', like: '30, 90, 180' },
  halfLifeDays: { label: 'Half-lives, in days', like: '1, 7, 30, 90' },
  segmentCount: { label: 'Segments', like: '8' },
  width: { label: 'Width of the embedding', like: '64' },
  epochs: { label: 'Epochs', like: '10' },
  batchSize: { label: 'Customers per step', like: '256' },
  learningRate: { label: 'Learning rate', like: '0.002' },
  seed: { label: 'Seed', like: '0' },
} satisfies Partial<Record<Typed, Field>>;
const FINER = {
  continuedEpochs: { label: 'Epochs of a retraining; 0: begin anew', like: '1' },
  continuedLearningRate: { label: 'Learning rate of a retraining', like: '0.0002' },
  surprise: { label: 'Begin anew where the loss has risen by', like: '0.05' },
  reads: { label: 'Moments per customer and step', like: '12' },
  heldOut: { label: 'Share of customers held out', like: '0.1' },
  itemDropout: { label: 'Dropout of items', like: '0.4' },
  dropout: { label: 'Dropout before the embedding', like: '0.2' },
} satisfies Partial<Record<Typed, Field>>;
/** All of them: the compiler says which one a form forgot. */
const FIELDS: Record<Typed, Field> = { ...DATA, ...MODEL, ...FINER };
const namesOf = (part: Partial<Record<Typed, Field>>): Typed[] => Object.keys(part) as Typed[];

/** What a run is to train. Every empty field is left to the data or the default, as the server knows them. */
export function SpecDialog({ spec, onClose }: { spec?: Spec | undefined; onClose: () => void }): ReactNode {
  const [draft, setDraft] = useState(() => draftOf(spec));
  const [problem, setProblem] = useState<ReactNode>();
  const { isStarting, start } = useStartRun();
  const choices = useChoices(draft);
  const change = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));

  const confirm = async (): Promise<void> => {
    const asked = specOf(draft);
    const trouble = typeof asked === 'string' ? asked : await start(asked);
    if (trouble) setProblem(trouble);
    else onClose();
  };

  const typed = (name: Typed): ReactNode => (
    <label key={name} className="field">
      {FIELDS[name].label}
      <input value={draft[name]} placeholder={FIELDS[name].like} autoComplete="off" onChange={(event) => change({ [name]: event.target.value })} />
    </label>
  );

  return (
    <Dialog title="What to train" confirm="Retrain with these" busy={isStarting} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>What you leave empty is taken from the data, or is the default.</p>
      <div className="spec-fields">{namesOf(DATA).map(typed)}</div>
      {choices.notice}
      <label className="field">
        Encoder
        <select value={draft.encoder} onChange={(event) => change({ encoder: event.target.value })}>
          <option value="">the default</option>
          {choices.encoders.map((name) => (
            <option key={name} value={name}>
              {name.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
        {choices.isScoredByWorker && <span className="small quiet">It has no live form: its customers are scored by the worker alone, and memberships wait while that is away.</span>}
      </label>
      <fieldset className="spec-objectives">
        <legend>Pretext tasks and their weights; none: the default ones</legend>
        {choices.objectives.map((name) => (
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
      <div className="spec-fields">{namesOf(MODEL).map(typed)}</div>
      <details open={namesOf(FINER).some((name) => draftOf(spec)[name] !== '')}>
        <summary>How it learns, more finely</summary>
        <div className="spec-fields">{namesOf(FINER).map(typed)}</div>
      </details>
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

/** Names that the worker knows, and those that are chosen already; and what is to be known of the encoder that is. */
function useChoices({ encoder, objectives }: Draft): { encoders: string[]; objectives: string[]; isScoredByWorker: boolean; notice: ReactNode } {
  const { data, error, isLoading, again } = useReading(SpecChoicesDocument, {});
  const known = data?.trainingSpecChoices;
  return {
    encoders: [...new Set([...(known?.encoders.map(({ name }) => name) ?? []), ...(encoder === '' ? [] : [encoder])])],
    objectives: [...new Set([...(known?.objectives ?? []), ...Object.keys(objectives)])],
    isScoredByWorker: known?.encoders.some(({ name, hasLiveForm }) => name === encoder && !hasLiveForm) ?? false,
    notice: error ? <Problem error={error} again={again} /> : isLoading && <Loading what="encoders and pretext tasks" lines={2} />,
  };
}
