import type { ReactNode } from 'react';
import type { Reading } from '../session/reading';
import { Pager, type Page, type Paging } from './pager';
import { Loading, Problem } from './states';

interface PagedListProps<Node> {
  /** What its nodes are, in the plural. */
  what: string;
  reading: Omit<Reading<unknown>, 'data'>;
  /** What was read; nothing before that. */
  list: { nodes: readonly Node[]; totalCount: number; pageInfo: Page } | null | undefined;
  paging: Paging;
  /** How many lines it takes while it is being read. */
  lines?: number;
  /** Stands in place of no nodes. */
  empty: ReactNode;
  /** The nodes of a page, at least one. */
  children: (nodes: readonly Node[]) => ReactNode;
}

/** A list that is read page by page: what went wrong, that it is being read, that there is nothing, or its nodes with the way to the others. */
export function PagedList<Node>({ what, reading, list, paging, lines, empty, children }: PagedListProps<Node>): ReactNode {
  const { error, isLoading, again } = reading;
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what={what} {...(lines === undefined ? {} : { lines })} />}
      {list?.nodes.length === 0 && empty}
      {list && list.nodes.length > 0 && (
        <>
          {children(list.nodes)}
          <Pager paging={paging} shown={list.nodes.length} total={list.totalCount} what={what} pageInfo={list.pageInfo} />
        </>
      )}
    </>
  );
}
