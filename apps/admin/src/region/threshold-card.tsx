import { useState, type ReactNode } from 'react';
import { ExampleSegmentDocument, MoveThresholdDocument, WordExampleSegmentDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { useSay } from '../parts/toast';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { percent } from '../wording/figure';
import { Inhabitants, Threshold } from './threshold';
import { Words } from './words';

const LOOK_MS = 5_000;

/** A segment by example: how close its members are, to be moved. */
export function ThresholdCard({ id, onMoved }: { id: string; onMoved: () => void }): ReactNode {
  const { data, again } = useReading(ExampleSegmentDocument, { id }, { everyMs: LOOK_MS });
  const { isBusy, run } = useButtonAction(MoveThresholdDocument, 'Segment');
  const [wanted, setWanted] = useState<number>();
  const say = useSay();
  const held = data?.exampleSegment;
  if (!held) return null;
  const threshold = wanted ?? held.threshold;
  const save = async (): Promise<void> => {
    if (!(await run({ id, threshold }))) return;
    say('The threshold is moved; members come and go within moments.');
    setWanted(undefined);
    again();
    onMoved();
  };
  return (
    <>
      <Card title="Drawn by examples" note={held.progress < 1 ? `${percent(held.progress)} of everyone looked at` : 'Everyone is looked at'}>
        <div className="threshold">
          <Threshold region={held.preview} threshold={threshold} onThreshold={setWanted} />
          <Inhabitants region={held.preview} />
          <div className="row end tight">
            <button type="button" className="button primary" disabled={isBusy || wanted === undefined || wanted === held.threshold} onClick={() => void save()}>
              Move the threshold
            </button>
          </div>
        </div>
      </Card>
      <InWords key={held.threshold} id={id} threshold={held.threshold} />
    </>
  );
}

/** Who is in it as its threshold stands. */
function InWords({ id, threshold }: { id: string; threshold: number }): ReactNode {
  const [isAsked, ask] = useState(false);
  const { data, error, isLoading } = useReading(WordExampleSegmentDocument, { id, threshold }, { pause: !isAsked });
  return <Words rule={isAsked ? data?.exampleSegment?.preview.rule : undefined} error={error} isLoading={isAsked && isLoading} onAsk={() => ask(true)} />;
}
