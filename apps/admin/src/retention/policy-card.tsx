import { useState, type ReactNode } from 'react';
import { RetentionPolicyDocument, SetRetentionPolicyDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { Dialog } from '../parts/dialog';
import { FormProblem } from '../parts/form-problem';
import { Loading, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { counted } from '../wording/figure';
import { draftOf, dropsMore, policyOf, type Policy, type PolicyDraft } from './policy';

/** How long events stay where. */
export function PolicyCard(): ReactNode {
  const { data, error, isLoading, again } = useReading(RetentionPolicyDocument, {});
  const policy = data?.retentionPolicy;
  return (
    <Card title="How long events stay" note="Looked at each hour">
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="the policy" lines={3} />}
      {policy && <PolicyForm policy={policy} onSaved={again} />}
    </Card>
  );
}

function PolicyForm({ policy, onSaved }: { policy: Policy; onSaved: () => void }): ReactNode {
  const [draft, setDraft] = useState(() => draftOf(policy));
  const [asked, setAsked] = useState<Policy>();
  const { isBusy, problem, setProblem, run } = useFormAction(SetRetentionPolicyDocument, 'RetentionPolicy');
  const say = useSay();
  const save = async (wanted: Policy): Promise<void> => {
    setAsked(undefined);
    if (!(await run({ input: wanted }))) return;
    say('The policy is set; it is looked at within the hour.');
    onSaved();
  };
  const submit = (): void => {
    const wanted = policyOf(draft);
    if (!wanted) setProblem('Give whole numbers of days, or nothing for never.');
    else if (dropsMore(policy, wanted)) setAsked(wanted);
    else void save(wanted);
  };
  const typed = (name: keyof PolicyDraft, label: string, about: string): ReactNode => (
    <label className="field">
      {label}
      <input value={draft[name]} inputMode="numeric" autoComplete="off" placeholder="never" onChange={({ target }) => setDraft({ ...draft, [name]: target.value })} />
      <span className="small quiet light">{about}</span>
    </label>
  );
  return (
    <>
      <form
        className="stack tight"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {typed('archiveAfterDays', 'To an archive, days after the end of their month', 'They count in everything as before, and come back when they are asked to. Empty: never.')}
        {typed('dropAfterDays', 'Dropped for good, days after the end of their month', 'Not before they are archived. Empty: never.')}
        <FormProblem>{problem}</FormProblem>
        <div className="row end tight">
          <button type="submit" className="button primary" disabled={isBusy}>
            Save
          </button>
        </div>
      </form>
      {asked && (
        <Dialog title="Drop old events for good?" confirm="Drop them by this policy" onConfirm={() => void save(asked)} onClose={() => setAsked(undefined)}>
          <p>
            Archives go, and their events with them, {counted(asked.dropAfterDays ?? 0, 'day')} after the end of their month: within the hour what is older than that. Nothing brings them back; rules, counts and runs go on without them.
          </p>
        </Dialog>
      )}
    </>
  );
}
