import { useMemo, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { CustomerMapDocument, SegmentsBeforeDocument, SegmentsDocument, type SegmentLevel, type SegmentsQuery } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Badge, Measured } from '../parts/figures';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { number, Table } from '../parts/table';
import { useLiveRun } from '../run/live-run';
import { RetrainButton } from '../run/retrain-button';
import { RunBanner } from '../run/run-banner';
import { isEnded } from '../run/state';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count, counted, NONE } from '../wording/figure';
import { AsOf } from './as-of';
import { CustomerMap } from './customer-map';
import { KINDS } from './kind';
import { LevelSwitch } from './level-switch';
import { SegmentName, useLooks } from './looks';
import { Shares } from './shares';
import { stabilityInWords } from './stability';
import { saysMore } from './trait';
import { TraitChips } from './traits';
import { TREND_DAYS, trendFrom, trendOf } from './trend';
import './segments-page.css';

type Segment = SegmentsQuery['segments']['nodes'][number];

const MAP_SAMPLE = 3000;
/** Sizes move with every event; how often to look while the page is open. */
const LOOK_MS = 15_000;

export function SegmentsPage(): ReactNode {
  const [level, setLevel] = useState<SegmentLevel>('MAIN');
  const { data, error, isLoading, again } = useReading(SegmentsDocument, { level }, { everyMs: LOOK_MS });
  const list = data?.segments;
  return (
    <>
      <PageHead title="Segments" below={list && list.totalCount > 0 && <AsOf {...list} />} actions={<Actions level={level} onLevel={setLevel} hasSegments={(list?.nodes.length ?? 0) > 0} />} />
      <RunBanner />
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="segments" lines={9} />
        </section>
      )}
      {list && (list.nodes.length === 0 ? <NoSegments /> : <Overview list={list} level={level} />)}
    </>
  );
}

function NoSegments(): ReactNode {
  const { run } = useLiveRun();
  const isGoing = run !== undefined && !isEnded(run);
  return (
    <section className="card">
      <Empty title="No segments yet" action={!isGoing && <Link className="button" to="/intake">See what has come in</Link>}>
        {isGoing
          ? 'They appear here by themselves when the run has finished and its model is served.'
          : 'Segments are found by a training run. Press Retrain to start one; where there is too little to learn from, it says how much is needed.'}
      </Empty>
    </section>
  );
}

interface ActionsProps {
  level: SegmentLevel;
  onLevel: (level: SegmentLevel) => void;
  hasSegments: boolean;
}

function Actions({ level, onLevel, hasSegments }: ActionsProps): ReactNode {
  const mayMake = useMay('EDITOR');
  return (
    <>
      {hasSegments && <LevelSwitch level={level} onChange={onLevel} />}
      {mayMake && <Link className="button" to="/segments/define">Define a segment</Link>}
      {hasSegments && mayMake && <Link className="button" to="/segments/draw">Draw a segment</Link>}
      <RetrainButton />
    </>
  );
}

interface OverviewProps {
  list: SegmentsQuery['segments'];
  level: SegmentLevel;
}

function Overview({ list, level }: OverviewProps): ReactNode {
  const { data: main } = useReading(SegmentsDocument, {});
  // What people define lies across what a model draws: only the latter add up to everyone.
  const drawn = useMemo(() => list.nodes.filter(({ kind }) => kind === 'LEARNED'), [list]);
  return (
    <>
      {drawn.length > 0 && (
        <div className="columns wide-right even">
          <Card title="Shares" note="Area is share of customers">
            <Shares key={level} segments={drawn} />
          </Card>
          <MapCard segments={main?.segments.nodes ?? []} />
        </div>
      )}
      <SegmentTable list={list} level={level} />
    </>
  );
}

function MapCard({ segments }: { segments: readonly Segment[] }): ReactNode {
  const { data, error, again } = useReading(CustomerMapDocument, { sample: MAP_SAMPLE });
  const map = data?.customerMap;
  const note = map && (map.points.length < map.population ? `${count(map.points.length)} of ${counted(map.population, 'customer')} drawn; close means alike` : 'Close means alike');
  return (
    <Card title="Map of customers" note={note}>
      {error && <Problem error={error} again={again} />}
      {!map && !error && <Loading what="the map" lines={8} />}
      {map &&
        (map.points.length > 0 ? (
          <CustomerMap points={map.points} segments={segments} />
        ) : (
          <Empty title="Nobody to draw yet">The map is drawn once a model has read the customers.</Empty>
        ))}
    </Card>
  );
}

function SegmentTable({ list, level }: OverviewProps): ReactNode {
  const lookOf = useLooks();
  const from = useMemo(() => trendFrom(list.asOf).slice(0, 13) + ':00:00.000Z', [list.asOf]);
  const { data: before } = useReading(SegmentsBeforeDocument, { asOf: from, level });
  const sizes = useMemo(() => new Map(before?.segments.nodes.map(({ id, size }) => [id, size])), [before]);
  const hasTrend = list.nodes.some(({ id, size }) => trendOf(size, sizes.get(id)));
  return (
    <Card title="All segments" note={counted(list.totalCount, 'segment')} flush>
      {list.totalCount > list.nodes.length && <Notice title={`The ${list.nodes.length} largest are shown.`} />}
      <Table columns={['Segment, and what sets it apart', number('Customers'), 'Share', hasTrend && `In ${TREND_DAYS} days`, 'Stability']} className="segments">
        {list.nodes.map((segment) => (
          <tr key={segment.id}>
            <th scope="row">
              <SegmentName segment={segment} />
              <div className="about">
                {saysMore(segment.description, segment.traits) && <p className="small quiet">{segment.description}</p>}
                {segment.kind === 'LEARNED' ? <TraitChips traits={segment.traits} /> : <p className="small quiet">{KINDS[segment.kind]}</p>}
              </div>
            </th>
            <td className="number" data-label="Customers">
              {count(segment.size)}
            </td>
            <td data-label="Share">
              <Measured value={segment.share} colour={lookOf(segment.id).colour} />
            </td>
            {hasTrend && (
              <td data-label={`In ${TREND_DAYS} days`}>
                <TrendMark now={segment.size} before={sizes.get(segment.id)} />
              </td>
            )}
            <td data-label="Stability">
              {segment.kind === 'LEARNED' ? <Stability value={segment.stability} /> : <span className="quiet">{NONE}</span>}
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function Stability({ value }: { value: number | null }): ReactNode {
  if (value === null) return <span className="quiet">not measured</span>;
  const { words, tone } = stabilityInWords(value);
  return (
    <span title={`Agreement over refits: ${value.toFixed(2)}`}>
      <Badge tone={tone}>{words}</Badge>
    </span>
  );
}

function TrendMark({ now, before }: { now: number; before: number | undefined }): ReactNode {
  const trend = trendOf(now, before);
  if (!trend) return <span className="quiet">new</span>;
  return <span className={`trend ${trend.direction}`}>{trend.words}</span>;
}
