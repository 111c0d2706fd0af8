import type { ReactNode } from 'react';

/** The heading of a column that is more than words. */
interface Column {
  words: ReactNode;
  isNumber?: boolean;
  /** Said to those who do not see what the column is. */
  isUnseen?: boolean;
  title?: string;
}

export const number = (words: string, title?: string): Column => ({ words, isNumber: true, ...(title === undefined ? {} : { title }) });
export const unseen = (words: string): Column => ({ words, isUnseen: true });

interface TableProps {
  /** Their headings; none: every row begins with its own. */
  columns?: readonly (string | Column | false)[];
  /** Where nothing around it says what it is. */
  label?: string;
  /** On a narrow screen each row becomes a block, and each cell a line. */
  folds?: boolean;
  className?: string;
  /** The rows. */
  children: ReactNode;
}

/** Rows under headings; what is wider than its place is scrolled there, and not the page. */
export function Table({ columns = [], label, folds = true, className = '', children }: TableProps): ReactNode {
  const headings = columns.filter((column) => column !== false).map((column) => (typeof column === 'string' ? { words: column } : column));
  return (
    <div className="scroll">
      <table className={[folds && 'folding', className].filter(Boolean).join(' ') || undefined} aria-label={label}>
        {headings.length > 0 && (
          <thead>
            <tr>
              {headings.map(({ words, isNumber, isUnseen, title }: Column, at) => (
                <th key={at} scope="col" className={isNumber ? 'number' : undefined} title={title}>
                  {isUnseen ? <span className="hidden-visually">{words}</span> : words}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
