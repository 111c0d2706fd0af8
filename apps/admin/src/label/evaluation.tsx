import type { ReactNode } from 'react';
import { number, Table } from '../parts/table';
import { count, figure, measure, percent } from '../wording/figure';
import { type Evaluation, type NumberEvaluation, subjectInWords } from './label-set';

/** How well yes and no are told apart. */
export function ChanceStandings({ evaluation }: { evaluation: Evaluation }): ReactNode {
  return (
    <>
      <Table columns={['Foreseen by', number('Area under the curve'), number('95 % interval')]} folds={false}>
        {evaluation.standings.map((one) => (
          <tr key={one.subject}>
            <th scope="row">{subjectInWords(one.subject)}</th>
            <td className="number">{measure(one.auc)}</td>
            <td className="number">{measure(one.low)} to {measure(one.high)}</td>
          </tr>
        ))}
      </Table>
      <p className="small quiet">
        Out of fold, from {count(evaluation.labels)} labels. What is claimed and what happens lie {measure(evaluation.calibrationError)} apart on average.
      </p>
    </>
  );
}

/** How far numbers are off. */
export function NumberStandings({ evaluation }: { evaluation: NumberEvaluation }): ReactNode {
  return (
    <>
      <Table columns={['Foreseen by', number('Root mean square error'), number('95 % interval'), number('R²')]} folds={false}>
        {evaluation.standings.map((one) => (
          <tr key={one.subject}>
            <th scope="row">{subjectInWords(one.subject)}</th>
            <td className="number">{figure(one.rmse)}</td>
            <td className="number">{figure(one.low)} to {figure(one.high)}</td>
            <td className="number">{one.r2.toFixed(2)}</td>
          </tr>
        ))}
      </Table>
      <p className="small quiet">
        Out of fold, from {count(evaluation.labels)} labels, of which {percent(evaluation.covered)} lie from {figure(Math.abs(evaluation.below))} {sideOf(evaluation.below)} to{' '}
        {figure(Math.abs(evaluation.above))} {sideOf(evaluation.above)} what is said: that is the interval of a prediction.
      </p>
    </>
  );
}

const sideOf = (end: number): string => (end < 0 ? 'below' : 'above');
