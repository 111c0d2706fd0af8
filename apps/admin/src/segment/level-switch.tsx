import type { ReactNode } from 'react';
import type { SegmentLevel } from '../gen/graphql';
import { Choice } from '../parts/choice';

const LEVELS = [
  { value: 'COARSER', words: 'Coarser', title: 'Segments joined with those nearest to them' },
  { value: 'MAIN', words: 'Main', title: 'The segments that customers are placed in' },
  { value: 'FINER', words: 'Finer', title: 'Segments divided where their parts can be told apart' },
] as const satisfies readonly { value: SegmentLevel; words: string; title: string }[];

/** How coarse or fine the segments are that the page shows; each level has everyone. */
export function LevelSwitch({ level, onChange }: { level: SegmentLevel; onChange: (level: SegmentLevel) => void }): ReactNode {
  return <Choice label="How coarse or fine" options={LEVELS} value={level} onChange={onChange} />;
}
