import { useState, type ReactNode } from 'react';
import { count } from '../wording/figure';

export interface Paging {
  after: string | null;
  /** Rows before this page. */
  offset: number;
  next: (cursor: string) => void;
  previous: (() => void) | undefined;
  restart: () => void;
}

/** Pages go forward by cursor; the way back is remembered here. */
export function usePaging(size: number): Paging {
  const [trail, setTrail] = useState<string[]>([]);
  return {
    after: trail.at(-1) ?? null,
    offset: trail.length * size,
    next: (cursor) => setTrail((passed) => [...passed, cursor]),
    previous: trail.length > 0 ? () => setTrail((passed) => passed.slice(0, -1)) : undefined,
    restart: () => setTrail([]),
  };
}

/** Whether another page comes behind this one, and from where. */
export interface Page {
  hasNextPage: boolean;
  endCursor: string | null;
}

interface PagerProps {
  paging: Paging;
  shown: number;
  total: number;
  what: string;
  pageInfo: Page;
}

export function Pager({ paging, shown, total, what, pageInfo }: PagerProps): ReactNode {
  if (total === 0) return null;
  const { hasNextPage, endCursor } = pageInfo;
  return (
    <nav className="pager" aria-label={`Pages of ${what}`}>
      <span>
        {count(paging.offset + 1)}–{count(paging.offset + shown)} of {count(total)} {what}
      </span>
      {(paging.previous || hasNextPage) && (
        <span className="row tight">
          <button type="button" className="button" disabled={!paging.previous} onClick={paging.previous}>
            Previous
          </button>
          <button type="button" className="button" disabled={!hasNextPage || !endCursor} onClick={() => endCursor && paging.next(endCursor)}>
            Next
          </button>
        </span>
      )}
    </nav>
  );
}
