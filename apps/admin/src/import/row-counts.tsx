import type { ReactNode } from 'react';
import { reasonInWords } from '../intake/reasons';
import { counted } from '../wording/figure';

/** Rows by why they are left out. */
export function RowCounts({ counts }: { counts: readonly { reason: string; rows: number }[] }): ReactNode {
  return (
    <ul className="chips">
      {counts.map(({ reason, rows }) => (
        <li key={reason} className="chip">
          {reasonInWords(reason)} <b>{counted(rows, 'row')}</b>
        </li>
      ))}
    </ul>
  );
}
