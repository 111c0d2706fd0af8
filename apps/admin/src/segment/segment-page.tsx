import { useMemo, useState, type ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { CustomerLink } from '../customer/customer-link';
import { DefinitionCard } from '../definition/definition-card';
import { DeleteDialog } from '../definition/delete-dialog';
import { ExportCard } from '../export/export-card';
import { CustomerMapDocument, SegmentDetailDocument, SegmentsDocument, type SegmentDetailQuery } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Stat, Stats } from '../parts/figures';
import { Empty, Loading, Problem } from '../parts/states';
import { ThresholdCard } from '../region/threshold-card';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count, counted, NONE, percent } from '../wording/figure';
import { ago, date } from '../wording/time';
import { CustomerMap } from './customer-map';
import { KINDS } from './kind';
import { Life } from './life';
import { SegmentMark } from './looks';
import { Members } from './members';
import { PartsCard } from './parts-card';
import { RenameDialog } from './rename-dialog';
import { RuleCard } from './rule';
import { stabilityInWords } from './stability';
import { TraitTable } from './traits';

type Segment = NonNullable<SegmentDetailQuery['segment']>;

/** Members come and go with every event; how often to look while the page is open. */
const LOOK_MS = 15_000;

export function SegmentPage(): ReactNode {
  const { id = '' } = useParams();
  const { data, error, isLoading, again } = useReading(SegmentDetailDocument, { id }, { everyMs: LOOK_MS });
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="the segment" lines={9} />
        </section>
      )}
      {data && !data.segment && (
        <section className="card">
          <Empty title="There is no such segment" action={<Link className="button" to="/segments">All segments</Link>}>
            It may belong to another workspace.
          </Empty>
        </section>
      )}
      {data?.segment && <Detail segment={data.segment} onChanged={again} />}
    </>
  );
}

function Detail({ segment, onChanged }: { segment: Segment; onChanged: () => void }): ReactNode {
  const [isRenaming, setRenaming] = useState(false);
  const [isDeleting, setDeleting] = useState(false);
  const isDrawn = segment.kind === 'LEARNED';
  const mayEdit = useMay('EDITOR');
  return (
    <>
      <PageHead
        tab={segment.name}
        above={<Way segment={segment} />}
        title={
          <span className="segment-name">
            <SegmentMark id={segment.id} />
            {segment.name}
          </span>
        }
        below={<p className="quiet">{segment.description}</p>}
        actions={
          mayEdit && (
            <>
              <button type="button" className="button" onClick={() => setRenaming(true)}>
                Rename
              </button>
              {!isDrawn && segment.retiredAt === null && (
                <button type="button" className="button danger" onClick={() => setDeleting(true)}>
                  Delete
                </button>
              )}
            </>
          )
        }
      />
      {isDeleting && <DeleteDialog segment={segment} onClose={() => setDeleting(false)} />}
      {isRenaming && <RenameDialog segment={segment} onClose={() => setRenaming(false)} onRenamed={onChanged} />}
      <Figures segment={segment} />
      {segment.kind === 'EXAMPLE' && mayEdit && <ThresholdCard id={segment.id} onMoved={onChanged} />}
      {(segment.kind === 'RULE' || segment.kind === 'STATIC') && <DefinitionCard id={segment.id} onProgress={onChanged} />}
      {isDrawn && (
        <div className="columns wide-left">
          <Card title="What sets it apart" note="Mean of the segment against everyone else" flush>
            {segment.traits.length > 0 ? <TraitTable traits={segment.traits} /> : <Empty title="Nothing stands out">Its customers differ from others in order and rhythm, not in any single figure.</Empty>}
          </Card>
          <div className="stack">
            <Place segment={segment} />
            {segment.rule && <RuleCard rule={segment.rule} />}
          </div>
        </div>
      )}
      {!isDrawn && segment.rule && <RuleCard rule={segment.rule} />}
      <PartsCard segment={segment} />
      <div className={isDrawn ? 'columns wide-left' : 'columns'}>
        <div className="stack">
          <Members segment={segment} />
          {mayEdit && <ExportCard segment={segment} />}
        </div>
        {isDrawn && (
          <div className="stack">
            <Typical segment={segment} />
            <Life segment={segment} />
          </div>
        )}
      </div>
    </>
  );
}

/** From the coarsest segment that it is part of down to it. */
function Way({ segment: { parent } }: { segment: Segment }): ReactNode {
  const wholes = [parent?.parent, parent].filter((whole) => whole !== null && whole !== undefined);
  return (
    <>
      <Link to="/segments">Segments</Link>
      {wholes.map((whole) => (
        <span key={whole.id}>
          {' / '}
          <Link to={`/segments/${encodeURIComponent(whole.id)}`}>{whole.name}</Link>
        </span>
      ))}
    </>
  );
}

function Figures({ segment }: { segment: Segment }): ReactNode {
  const { kind, size, share, stability, createdAt, retiredAt, isRenamed, asOf, model } = segment;
  const stable = stability === null ? undefined : stabilityInWords(stability);
  return (
    <Stats>
      <Stat label="Customers" value={count(size)} note={`as of ${date(asOf)}${model ? `, by model v${model.version}` : ''}`} />
      <Stat label="Share" value={percent(share)} note="of all customers" />
      {kind === 'LEARNED' ? (
        <>
          <Stat label="Stability" value={stability === null ? NONE : stability.toFixed(2)} note={stable ? <Badge tone={stable.tone}>{stable.words}</Badge> : 'not measured'} />
          <Stat label={retiredAt ? 'Retired' : 'Born'} value={date(retiredAt ?? createdAt)} note={isRenamed ? 'named by a person' : 'named by the model'} words />
        </>
      ) : (
        <>
          <Stat label="Kind" value={KINDS[kind]} words />
          <Stat label={retiredAt ? 'Ended' : 'Made'} value={date(retiredAt ?? createdAt)} words />
        </>
      )}
    </Stats>
  );
}

/** The points of the map, those in any of a segment's parts as its own: the map tells the main level alone. */
function within<Point extends { segmentId: string | null }>({ id, children }: Segment, points: readonly Point[] | undefined): Point[] | undefined {
  const parts = new Set(children.map((part) => part.id));
  return points?.map((point) => (point.segmentId !== null && parts.has(point.segmentId) ? { ...point, segmentId: id } : point));
}

/** Where its customers lie among all of them. */
function Place({ segment }: { segment: Segment }): ReactNode {
  const { data: map } = useReading(CustomerMapDocument, { sample: 3000 });
  const { data: all } = useReading(SegmentsDocument, {});
  const points = useMemo(() => within(segment, map?.customerMap.points), [segment, map]);
  const segments = useMemo(() => [segment, ...(all?.segments.nodes ?? []).filter(({ id }) => id !== segment.id)], [all, segment]);
  if (!points?.some(({ segmentId }) => segmentId === segment.id)) return null;
  return (
    <Card title="On the map" note="Others in grey">
      <CustomerMap key={segment.id} points={points} segments={segments} only={segment.id} height={300} />
    </Card>
  );
}

function Typical({ segment }: { segment: Segment }): ReactNode {
  const now = useNow();
  return (
    <Card title="Typical customers" note="Closest to its middle" flush>
      {segment.typicalCustomers.length === 0 ? (
        <Empty title="None named">Nobody is near enough to its middle to stand for it.</Empty>
      ) : (
        <table>
          <tbody>
            {segment.typicalCustomers.map((customer) => (
              <tr key={customer.id}>
                <th scope="row">
                  <CustomerLink customer={customer} />
                </th>
                <td className="number quiet">{counted(customer.eventCount, 'event')}</td>
                <td className="number quiet">{ago(customer.lastSeenAt, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
