import { useState, type ReactNode } from 'react';
import { ExampleSegmentDocument, MoveThresholdDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { useSay } from '../parts/toast';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { percent } from '../wording/figure';
import { Inhabitants, Threshold } from './threshold';

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
  );
}
