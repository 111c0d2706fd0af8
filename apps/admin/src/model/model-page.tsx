import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { ModelDetailDocument, type ModelDetailQuery } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Badge, Measured, Meter, Stat, Stats } from '../parts/figures';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { number, unseen, Table } from '../parts/table';
import { SegmentName, useLooks } from '../segment/looks';
import { useReading } from '../session/reading';
import { count, counted, measure } from '../wording/figure';
import { date, dateAndTime } from '../wording/time';
import { compare, subjectName, type Comparison } from './measures';
import { ProfileCards } from './profile-card';
import { PromoteButton } from './promotion';
import { isPromotable, modelStateInWords } from './verdict';
import './models-card.css';

type Model = NonNullable<ModelDetailQuery['model']>;

/** The link to the report ends after a quarter of an hour. */
const LINK_MS = 600_000;

export function ModelPage(): ReactNode {
  const { id = '' } = useParams();
  const { data, error, isLoading, again } = useReading(ModelDetailDocument, { id }, { everyMs: LINK_MS });
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="the model" lines={8} />
        </section>
      )}
      {data && !data.model && (
        <section className="card">
          <Empty title="There is no such model" action={<Link className="button" to="/runs">Runs and models</Link>}>
            It may belong to another workspace.
          </Empty>
        </section>
      )}
      {data?.model && <Detail model={data.model} />}
    </>
  );
}

function Detail({ model }: { model: Model }): ReactNode {
  const { words, tone } = modelStateInWords(model.state);
  return (
    <>
      <PageHead
        tab={`Model v${model.version}`}
        above={<Link to="/runs">Runs and models</Link>}
        title={
          <span className="row tight">
            Model v{model.version} <Badge tone={tone}>{words}</Badge>
          </span>
        }
        below={
          <p className="quiet">
            Made {dateAndTime(model.createdAt)}
            {model.run && (
              <>
                {' '}
                by <Link to={`/runs/${encodeURIComponent(model.run.id)}`}>this run</Link>
              </>
            )}
          </p>
        }
        actions={
          <>
            {model.report && (
              <a className="button" href={model.report.url} download title="The evaluation as a page, with its plots and what was found in the data; it is read without a server">
                Save the report
              </a>
            )}
            {isPromotable(model) && <PromoteButton model={model} />}
          </>
        }
      />
      {model.verdict && (
        <Notice tone={model.state === 'HELD' ? 'warn' : 'good'} title="Verdict">
          {model.verdict}
        </Notice>
      )}
      <Stats>
        <Stat label="Segments" value={count(model.segmentCount)} />
        <Stat label="Customers" value={count(model.customers)} note="it learned from" />
        <Stat label="Events" value={count(model.events)} note="it learned from" />
        <Stat label="Last served from" value={model.promotedAt ? date(model.promotedAt) : 'never'} words />
        <Stat label="Bundle" value={<span className="mono small" title={model.hash}>{model.hash.slice(0, 12)}</span>} words />
      </Stats>
      <div className="columns wide-left">
        <EvaluationCard evaluation={model.evaluation} />
        <DrawnSegments segments={model.segments.nodes} />
      </div>
      {model.profile && <ProfileCards profile={model.profile} />}
    </>
  );
}

function EvaluationCard({ evaluation }: { evaluation: Model['evaluation'] }): ReactNode {
  const comparisons = compare(evaluation.measures);
  const { population, sample } = evaluation;
  const over = sample ? `${count(sample.customers)} of ${counted(sample.population, 'customer')}, drawn ${sample.drawn}` : counted(population, 'customer');
  return (
    <Card title="Evaluation" note={`Measured on a later time, over ${over}`} flush>
      {comparisons.length === 0 ? (
        <Empty title="Not measured yet">The figures appear once the run has evaluated its model.</Empty>
      ) : (
        <Table columns={['Figure', 'Of', number('Value'), unseen('Picture')]} className="measures">
          {comparisons.map((comparison) => (
            <Rows key={comparison.name} comparison={comparison} />
          ))}
        </Table>
      )}
    </Card>
  );
}

function Rows({ comparison: { name, means, isShare, measures, best } }: { comparison: Comparison }): ReactNode {
  return measures.map((one, at) => (
    <tr key={one.subject}>
      <td title={means}>{at === 0 ? name : <span className="hidden-visually">{name}</span>}</td>
      <th scope="row" className={one.isBaseline ? 'rival' : ''}>
        {subjectName(one.subject)} {one.isBaseline && <span className="small nowrap">(rival)</span>}
      </th>
      <td className="number nowrap" data-label="Value">
        <span>
          {measure(one.value)}
          {one.deviation > 0 && <span className="quiet"> ± {measure(one.deviation)}</span>}
          {one === best && <span className="small"> best</span>}
        </span>
      </td>
      <td>{isShare && <Meter value={one.value} {...(one.isBaseline ? { colour: 'var(--ink-3)' } : {})} />}</td>
    </tr>
  ));
}

function DrawnSegments({ segments }: { segments: Model['segments']['nodes'] }): ReactNode {
  const lookOf = useLooks();
  return (
    <Card title="Its segments" flush>
      {segments.length === 0 ? (
        <Empty title="None drawn">Its segments are known once everyone has been placed.</Empty>
      ) : (
        <table>
          <tbody>
            {segments.map((segment) => (
              <tr key={segment.id}>
                <th scope="row">
                  <SegmentName segment={segment} />
                </th>
                <td>
                  <Measured value={segment.share} colour={lookOf(segment.id).colour} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
