import { useId, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { UpdateWorkspaceSettingsDocument, WorkspaceSettingsDocument, type Clock, type SettingsPartFragment, type WorkspaceSettingsQuery } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Badge } from '../parts/figures';
import { FormProblem } from '../parts/form-problem';
import { Loading, Notice, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { NoveltyCard } from './novelty-card';
import { draftOf, inputOf, passedOver, type SettingsDraft } from './settings';

const ZONES = Intl.supportedValuesOf('timeZone');

/** What the workspace says of its data, and from when on it calls somebody unusual. */
export function SettingsPage(): ReactNode {
  const { data, error, isLoading, again } = useReading(WorkspaceSettingsDocument, {});
  const workspace = data?.viewer.workspace;
  return (
    <>
      <PageHead title="Settings" below={workspace && <p className="quiet">Of the workspace {workspace.name}.</p>} />
      {error && <Problem error={error} again={again} />}
      <div className="columns wide-left">
        <Card title="Its data" note="What a run that leaves it open goes by">
          {isLoading && <Loading what="settings" />}
          {data && workspace && <DataForm key={workspace.settings.version} settings={workspace.settings} model={data.model} onSaved={again} />}
        </Card>
        <NoveltyCard />
      </div>
    </>
  );
}

interface DataFormProps {
  settings: SettingsPartFragment;
  model: WorkspaceSettingsQuery['model'];
  onSaved: () => void;
}

function DataForm({ settings, model, onSaved }: DataFormProps): ReactNode {
  const [draft, setDraft] = useState(() => draftOf(settings));
  const { isBusy, problem, run } = useFormAction(UpdateWorkspaceSettingsDocument, 'Workspace');
  const say = useSay();
  const zones = useId();
  const chosen = model?.profile;
  const missing = passedOver(settings.mainEvents, chosen);
  const save = async (): Promise<void> => {
    if (!(await run({ input: inputOf(draft, settings.version) }))) return;
    say('The settings are saved. The next run goes by them.');
    onSaved();
  };
  const typed = (name: Exclude<keyof SettingsDraft, 'clock'>, label: string, about: string, like: string, list?: string): ReactNode => (
    <label className="field">
      <span className="row tight">
        {label} {settings.guessed.includes(name) && <Badge tone="warn">guessed</Badge>}
      </span>
      <input value={draft[name]} placeholder={like} list={list} autoComplete="off" onChange={({ target }) => setDraft({ ...draft, [name]: target.value })} />
      <span className="small quiet light">{about}</span>
    </label>
  );
  return (
    <form
      className="stack tight"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label className="field">
        <span className="row tight">
          Clock {settings.guessed.includes('clock') && <Badge tone="warn">guessed</Badge>}
        </span>
        <select value={draft.clock} onChange={({ target }) => setDraft({ ...draft, clock: target.value as Clock })}>
          <option value="LIVE">now is the time on the wall: events come as they happen</option>
          <option value="DATA">now is the time of the newest event: an imported history</option>
        </select>
      </label>
      <datalist id={zones}>
        {ZONES.map((zone) => (
          <option key={zone}>{zone}</option>
        ))}
      </datalist>
      {typed('timezone', 'Time zone', 'Hours and weekdays are counted in it.', 'Europe/London', zones)}
      {typed('currency', 'Currency', 'What values are in, by its three letters.', 'EUR')}
      {typed('mainEvents', 'Main events', `Whose future is foreseen, separated by commas. Empty: the model chooses${chosen ? `; it chose ${chosen.mainEvents.join(', ')}` : ''}.`, 'Order Completed')}
      {typed('valueProperty', 'Property with their value', `Empty: the model chooses${chosen?.valueProperty ? `; it chose ${chosen.valueProperty}` : ''}.`, 'revenue')}
      {missing.length > 0 && (
        <Notice tone="warn" title={`The served model does not go by ${missing.map((name) => `“${name}”`).join(', ')}`}>
          It is older than that wish, no event is named so (names count letter by letter), or they are too many.
        </Notice>
      )}
      <FormProblem>{problem}</FormProblem>
      <div className="row end tight">
        <span className="small quiet">
          Memberships follow at the next <Link to="/runs">run</Link>.
        </span>
        <button type="submit" className="button primary" disabled={isBusy}>
          {settings.guessed.length > 0 ? 'Save and confirm' : 'Save'}
        </button>
      </div>
    </form>
  );
}
