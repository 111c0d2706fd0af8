import { above, atLeast, below, NOT_MEASURED, type Target } from '../measurement.ts';
import type { Row, Sheet } from './part.ts';
import { LAST } from './parts.ts';
import { found, standardError } from './table.ts';

type Sheets = Readonly<Record<string, Sheet>>;

/**
 * Clearly ahead: the mean of the differences on the same draws of labels less two of its standard errors. These are over the draws: the
 * customers that are tested on are the same in all of them.
 */
export function clearly(what: string, lead: Row | undefined): Target {
  const name = `${what}, mean difference of the draws less two standard errors`;
  if (lead === undefined) return { what: name, target: '> 0', measured: NOT_MEASURED, met: false };
  return above(name, 0, lead.mean - 2 * standardError(lead));
}

/** What was aimed at, of the parts that were measured. */
export function targets(sheets: Sheets): Target[] {
  const at = (part: string, figure: string, subject: string) => {
    const sheet = sheets[part];
    return sheet === undefined ? undefined : found(sheet, figure, subject)?.mean;
  };
  const least = (what: string, limit: number, measured: number | undefined) => (measured === undefined ? [] : [atLeast(what, limit, measured)]);
  const ahead = (what: string, lead: number | undefined) => (lead === undefined ? [] : [above(what, 0, lead)]);
  const ledIn = (part: string, what: string, figure: string, subject: string) => {
    const sheet = sheets[part];
    return sheet === undefined ? [] : [clearly(what, found(sheet, figure, subject))];
  };
  const last = (figure: string, subject: string) => at(LAST, figure, subject);
  const lead = (figure: string, ours: string, theirs: string) => {
    const [a, b] = [last(figure, ours), last(figure, theirs)];
    return a === undefined || b === undefined ? undefined : a - b;
  };
  const over1000 = () => {
    const [free, labelled] = [last('out of time, no label', 'forecast'), last('1000 labels, LR', 'aggregates')];
    return free === undefined || labelled === undefined ? undefined : free - labelled;
  };
  const trap = (figure: string, subject: string) => at('leak-trap', figure, subject);
  const kept = (recipe: string) => {
    const [clean, guarded] = [trap('AUC of the embedding, LR', `${recipe}, as it is`), trap('AUC of the embedding, LR', `${recipe}, guarded`)];
    return clean === undefined || guarded === undefined ? undefined : guarded - clean;
  };
  const over = (part: string, figure: string, ours: string, theirs: string) => {
    const [a, b] = [at(part, figure, ours), at(part, figure, theirs)];
    return a === undefined || b === undefined ? undefined : a - b;
  };
  const between = (part: string, subject: string, ours: string, theirs: string) => {
    const [a, b] = [at(part, ours, subject), at(part, theirs, subject)];
    return a === undefined || b === undefined ? undefined : a - b;
  };
  const engines = (known: string, rival = known) => over('cmapss', 'AUC, last 30 cycles against first 50', `novelty, ${known}`, `isolation forest on aggregates, ${rival}`);
  const windows = [5, 15, 30].flatMap((cycles) => at('cmapss', 'RMSE', `last-window means, ${cycles} cycles`) ?? []);
  return [
    ...least('2011-09-09, embedding, LR at the cut', 0.812, last('at the cut, LR', 'embedding')),
    ...least('2011-09-09, embedding, LR out of time', 0.81, last('out of time, LR', 'embedding')),
    ...least('2011-09-09, aggregates + embedding above aggregates, LR out of time', 0.005, lead('out of time, LR', 'aggregates+embedding', 'aggregates')),
    ...least('2011-09-09, aggregates + embedding above aggregates, LightGBM out of time', 0.005, lead('out of time, LightGBM', 'aggregates+embedding', 'aggregates')),
    ...least('2011-09-09, forecast without labels, out of time', 0.805, last('out of time, no label', 'forecast')),
    ...least('2011-09-09, forecast without labels, of the model made at the cut', 0.805, last('at the cut, no label', 'forecast')),
    ...least('2011-09-09, forecast without labels, out of time, less aggregates with 1,000 labels', 0, over1000()),
    ...[50, 200].flatMap((count) =>
      ['LR', 'LightGBM'].flatMap((probe) => ledIn(LAST, `2011-09-09, ${count} labels, ${probe}: embedding above aggregates`, `${count} labels, ${probe}, above aggregates`, 'embedding')),
    ),
    ...([[5, 0.95, 0.78], [8, 0.93, 0.79], [12, 0.9, 0.795]] as const).flatMap(([count, stability, foresight]) => [
      ...least(`2011-09-09, segments, k = ${count}: bootstrap ARI`, stability, last('bootstrap ARI', `segments k=${count}`)),
      ...least(`2011-09-09, segments, k = ${count}: membership AUC`, foresight, last('membership AUC', `segments k=${count}`)),
      ...least(`2011-09-09, segments, k = ${count}: agreement of two trainings (ARI)`, 0.9, last('agreement of two trainings (ARI)', `segments k=${count}`)),
    ]),
    ...[5, 8, 12].flatMap((count) => [
      ...least(`2011-09-09, segments, k = ${count}: agreement across a retrain two weeks later (ARI)`, 0.9, at('stability', 'two weeks later', `2011-09-09, segments k=${count}`)),
      ...least(
        `2011-09-09, segments, k = ${count}: membership AUC after that, less that of a training from chance`, 0,
        between('stability', `2011-09-09, segments k=${count}`, 'two weeks later, AUC', 'two weeks later, from chance, drawn anew, AUC'),
      ),
    ]),
    ...least('a new behaviour gets a segment of its own: share of those who changed that is in it', 0.9, at('birth', 'changed customers in one segment', 'birth')),
    ...least('a new behaviour gets a segment of its own: share of it who changed', 0.9, at('birth', 'of whom changed', 'birth')),
    ...[50, 200].flatMap((count) =>
      ['LR', 'LightGBM'].flatMap((probe) =>
        ledIn('few-labels', `2011-09-09, ${count} labels: head on the frozen encoder above aggregates, ${probe}`, `${count} labels, above aggregates, ${probe}`, '2011-09-09, head on the frozen encoder'),
      ),
    ),
    ...ahead('novelty on planted anomalies, AUC above an isolation forest', over('novelty', 'AUC, any kind', 'novelty', 'isolation forest on aggregates')),
    ...['a fleet in service', 'whole lives'].flatMap((known) => ahead(`C-MAPSS, novelty learned from ${known}, AUC above an isolation forest`, engines(known))),
    ...ahead('C-MAPSS, novelty learned from an import of whole lives, AUC above an isolation forest', engines('an import of whole lives', 'whole lives')),
    ...(windows.length === 0 ? [] : [below('C-MAPSS, RMSE of remaining cycles, the best of last-window means', Math.min(...windows), at('cmapss', 'RMSE', 'embedding') ?? NaN)]),
    ...least('leak trap: the guard names the column, share of runs', 1, trap('the guard names the column', 'defaults, guarded')),
    ...least('leak trap: AUC with the column and the guard, less AUC without the column', 0, kept('defaults')),
    ...least('leak trap: with the guard off the defaults raise the alarm, share of runs', 1, trap('the alarm fires', 'defaults, guard off')),
    ...least('leak trap: with the guard off a contrastive run raises the alarm, share of runs', 1, trap('the alarm fires', 'contrastive, guard off')),
    ...['popular', 'own last items'].flatMap((rival) =>
      ['recall@10', 'ndcg@10'].flatMap((figure) => ahead(`2011-09-09, next items: ${figure} above "${rival}"`, over('recommendation', figure, '2011-09-09, recommendations', `2011-09-09, ${rival}`))),
    ),
  ];
}
