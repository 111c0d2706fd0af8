import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import { CreateExampleSegmentDocument, CustomerMapDocument, PreviewExamplesDocument, SegmentsDocument, WordExamplesDocument, type ExamplesInput } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Empty, Loading, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { CustomerMap } from '../segment/customer-map';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { Inhabitants, Threshold } from './threshold';
import { Words } from './words';

const MAP_SAMPLE = 3000;
const FEWEST = 3;

/** A segment from examples: some customers by their ids, or an area drawn on the map. */
export function DrawPage(): ReactNode {
  const [examples, setExamples] = useState<ExamplesInput>();
  const onLasso = useCallback((lasso: { x: number; y: number }[]) => setExamples({ lasso }), []);
  return (
    <>
      <PageHead title="Draw a segment" above={<Link to="/segments">Segments</Link>} below={<p className="quiet">Everyone who is like some customers, kept live: draw around them on the map, or name them.</p>} />
      <div className="columns wide-left even">
        <Card title="Map of customers" note="Press and draw around the customers you mean">
          <LassoMap onLasso={onLasso} />
          <Named onNamed={(userIds) => setExamples({ userIds })} />
        </Card>
        {examples ? <Draft key={JSON.stringify(examples)} examples={examples} /> : <Card title="The segment"><Empty title="No examples yet">Three customers are enough; five are better.</Empty></Card>}
      </div>
    </>
  );
}

function LassoMap({ onLasso }: { onLasso: (corners: { x: number; y: number }[]) => void }): ReactNode {
  const { data, error, again } = useReading(CustomerMapDocument, { sample: MAP_SAMPLE });
  const { data: all } = useReading(SegmentsDocument, {});
  if (error) return <Problem error={error} again={again} />;
  if (!data || !all) return <Loading what="the map" lines={8} />;
  return <CustomerMap points={data.customerMap.points} segments={all.segments.nodes} height={420} onLasso={onLasso} />;
}

function Named({ onNamed }: { onNamed: (userIds: string[]) => void }): ReactNode {
  const [text, setText] = useState('');
  const userIds = useMemo(() => [...new Set(text.split(/[\s,;]+/).filter((id) => id !== ''))], [text]);
  return (
    <form
      className="threshold"
      onSubmit={(event) => {
        event.preventDefault();
        onNamed(userIds);
      }}
    >
      <label className="field">
        Or their user ids
        <textarea value={text} onChange={({ target }) => setText(target.value)} placeholder="shopper-000001 shopper-000002 shopper-000003" />
      </label>
      <div className="row end tight">
        <button type="submit" className="button" disabled={userIds.length < FEWEST}>
          Find those who are like them
        </button>
      </div>
    </form>
  );
}

function Draft({ examples }: { examples: ExamplesInput }): ReactNode {
  const [moved, setMoved] = useState<number>();
  const { data, error, isLoading } = useReading(PreviewExamplesDocument, moved === undefined ? { examples } : { examples, threshold: moved });
  // Shown on while that of another threshold is on its way.
  const [region, setRegion] = useState(data?.previewExampleSegment);
  if (data && data.previewExampleSegment !== region) setRegion(data.previewExampleSegment);
  const threshold = moved ?? region?.threshold ?? 0;
  return (
    <div className="stack">
      <Card title="The segment">
        {error && <Problem error={error} />}
        {isLoading && !region && <Loading what="who is like them" lines={5} />}
        {region && (
          <div className="threshold">
            <Threshold region={region} threshold={threshold} onThreshold={setMoved} />
            <Inhabitants region={region} />
            <Maker examples={examples} threshold={threshold} />
          </div>
        )}
      </Card>
      {region && <InWords examples={examples} threshold={threshold} />}
    </div>
  );
}

function Maker({ examples, threshold }: { examples: ExamplesInput; threshold: number }): ReactNode {
  const [name, setName] = useState('');
  const { isBusy, run } = useButtonAction(CreateExampleSegmentDocument, 'Segment');
  const navigate = useNavigate();
  const say = useSay();
  const make = async (): Promise<void> => {
    const made = await run({ input: { name: name.trim(), examples, threshold } });
    if (!made) return;
    say(`“${made.name}” is made; its members come within moments.`);
    void navigate(`/segments/${encodeURIComponent(made.id)}`);
  };
  return (
    <form
      className="threshold"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <label className="field">
        Name
        <input value={name} onChange={({ target }) => setName(target.value)} maxLength={120} />
      </label>
      <div className="row end tight">
        <button type="submit" className="button primary" disabled={isBusy || name.trim() === ''}>
          Make the segment
        </button>
      </div>
    </form>
  );
}

/** Asked for once the threshold stands. */
function InWords({ examples, threshold }: { examples: ExamplesInput; threshold: number }): ReactNode {
  const [asked, setAsked] = useState<number>();
  const { data, error, isLoading } = useReading(WordExamplesDocument, { examples, threshold: asked ?? threshold }, { pause: asked !== threshold });
  const rule = asked === threshold ? data?.previewExampleSegment.rule : undefined;
  return <Words rule={rule} error={error} isLoading={isLoading && asked === threshold} onAsk={() => setAsked(threshold)} />;
}
