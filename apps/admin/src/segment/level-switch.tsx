import type { ReactNode } from 'react';
import type { SegmentLevel } from '../gen/graphql';
import './level-switch.css';

const LEVELS: readonly { level: SegmentLevel; words: string; title: string }[] = [
  { level: 'COARSER', words: 'Coarser', title: 'Segments joined with those nearest to them' },
  { level: 'MAIN', words: 'Main', title: 'The segments that customers are placed in' },
  { level: 'FINER', words: 'Finer', title: 'Segments divided where their parts can be told apart' },
];

/** How coarse or fine the segments are that the page shows; each level has everyone. */
export function LevelSwitch({ level, onChange }: { level: SegmentLevel; onChange: (level: SegmentLevel) => void }): ReactNode {
  return (
    <div className="level-switch" role="group" aria-label="How coarse or fine">
      {LEVELS.map((one) => (
        <button key={one.level} type="button" title={one.title} aria-pressed={one.level === level} onClick={() => onChange(one.level)}>
          {one.words}
        </button>
      ))}
    </div>
  );
}
