import { useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { NoveltyThresholdsDocument, SetNoveltyThresholdDocument, type SetNoveltyThresholdInput, type ThresholdPartFragment } from '../gen/graphql';
import { Card } from '../parts/card';
import { FormProblem } from '../parts/form-problem';
import { Loading, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { counted } from '../wording/figure';
import { shareOf } from './settings';

/** From which novelty on customers and events are unusual: the model's own threshold, or the workspace's. */
export function NoveltyCard(): ReactNode {
  const { data, error, isLoading, again } = useReading(NoveltyThresholdsDocument, {});
  const [typed, setTyped] = useState('');
  const { isBusy, problem, setProblem, run } = useFormAction(SetNoveltyThresholdDocument, 'NoveltyThresholds');
  const say = useSay();
  const customers = data?.noveltyThresholds.customers;
  const events = data?.noveltyThresholds.events;
  const save = async (input: SetNoveltyThresholdInput): Promise<void> => {
    if (!(await run({ input }))) return;
    setTyped('');
    say('The threshold holds at once; nobody is told of who becomes unusual by it.');
    again();
  };
  const submit = (): void => {
    const quantile = shareOf(typed);
    if (quantile === undefined) setProblem('Give a share in percent, like 99.5.');
    else void save({ quantile });
  };
  return (
    <Card title="From when on somebody is unusual" note={customers?.isOverridden ? 'As the workspace says' : 'As the model measured'}>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="thresholds" lines={3} />}
      {data && !customers && <p className="quiet">No model that is served has measured how far the novelty of ordinary customers reaches.</p>}
      {data && customers && (
        <form
          className="stack tight"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <p>
            A customer from a novelty of {inWords(customers)} on{events && <>, an event from {inWords(events)} on</>}. <Link to="/customers">{counted(data.unusualCustomers.totalCount, 'customer')}</Link> now.
          </p>
          <label className="field">
            Share of ordinary ones below, in percent
            <input value={typed} inputMode="decimal" autoComplete="off" placeholder={customers.quantile === null ? '99.5' : String(Number((customers.quantile * 100).toFixed(4)))} onChange={({ target }) => setTyped(target.value)} />
            <span className="small quiet light">Of customers and of events, and for models to come: 99 finds one in a hundred unusual.</span>
          </label>
          <FormProblem>{problem}</FormProblem>
          <div className="row end tight">
            {customers.isOverridden && (
              <button type="button" className="button" disabled={isBusy} onClick={() => void save({})}>
                The model’s own again
              </button>
            )}
            <button type="submit" className="button primary" disabled={isBusy || typed.trim() === ''}>
              Set
            </button>
          </div>
        </form>
      )}
    </Card>
  );
}

function inWords({ threshold, quantile }: ThresholdPartFragment): string {
  return `${threshold.toFixed(2)}${quantile === null ? '' : ` (beyond ${Number((quantile * 100).toFixed(4))} % of ordinary ones)`}`;
}
