import type { GraphQLResolveInfo } from 'graphql';

import type { feed } from '#libs/contracts';
import { foreignCursor } from '#libs/grpc';

import type { Gathered } from '../backend/gathered.js';
import type { PageKey, ServicePage } from '../backend/pages.js';
import { invalidArgument } from './error.js';
import { isAsked } from './selection.js';

/** Rows on a page of the public contract; services allow more. */
export const MOST_ROWS = 100;

export interface Paging {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** A Relay connection; the fields are those of every `…Connection` type. */
export interface Connection<Node> {
  readonly edges: Edge<Node>[];
  readonly nodes: Node[];
  readonly pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  readonly totalCount: number;
}

export interface Edge<Node> {
  readonly cursor: string;
  readonly node: Node;
}

/**
 * Reads a page from a service and gives every row a cursor. Most services name only the place after a page's last
 * row; a row in between is "so many rows after the place where its page began", and asking to go on from one
 * walks that far first. Where rows come and go meanwhile, that is another place: `placeOf` tells each row's own.
 */
export async function readConnection<Row>(
  { first, after }: Paging,
  read: (page: feed.PageRequest) => Promise<ServicePage<Row>>,
  placeOf?: (row: Row) => string,
): Promise<Connection<Row>> {
  const asked = rowsAsked(first);
  const begin = await beginOf(after ?? undefined, read);
  const page = await read({ first: asked.first, after: begin });
  const shown = asked.of(page.rows);
  const isWhole = shown.length === page.rows.length;
  const edges = shown.map((node, index) => {
    const isLast = isWhole && index === shown.length - 1;
    const place = placeOf?.(node) ?? (isLast ? page.pageInfo?.endCursor : '');
    return { node, cursor: place ? `0.${place}` : `${index + 1}.${begin}` };
  });
  return {
    edges,
    nodes: shown,
    pageInfo: {
      hasNextPage: !isWhole || (page.pageInfo?.hasNextPage ?? false),
      hasPreviousPage: begin !== '',
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: page.pageInfo?.totalCount ?? 0,
  };
}

/** A page of the list of one object: of all of which the same is asked, such pages are read together. Counted where that is asked for. */
export function readPageOf<Row>(id: string, paging: Paging, read: Gathered<PageKey, ServicePage<Row>>, info: GraphQLResolveInfo): Promise<Connection<Row>> {
  const withTotal = isAsked(info, 'totalCount');
  return readConnection(paging, (page) => read({ id, page, withTotal }));
}

/** The same page with other nodes; rows that have none any more are left out. */
export function mapConnection<Row, Node, More extends object = object>(
  connection: Connection<Row>,
  map: (row: Row) => { node: Node } & More | undefined,
): Connection<Node> & { readonly edges: (Edge<Node> & More)[] } {
  const edges = connection.edges.flatMap(({ node, cursor }) => {
    const mapped = map(node);
    return mapped ? [{ ...mapped, cursor }] : [];
  });
  return { ...connection, edges, nodes: edges.map(({ node }) => node) };
}

/** How many rows to ask a service for, and as many of its answer's as were asked for. */
export interface RowsAsked {
  readonly first: number;
  of<Row>(rows: readonly Row[]): Row[];
}

/** Of every list that a service cuts: one row at least is asked for, since services take 0 as how it is left out, and answer with as many as usual. */
export function rowsAsked(first: number | null | undefined, most = MOST_ROWS): RowsAsked {
  const rows = rowsOf(first, most);
  return { first: Math.max(rows, 1), of: (all) => all.slice(0, rows) };
}

/** `first`, checked: of a list that is here already. */
export function rowsOf(first: number | null | undefined, most = MOST_ROWS): number {
  const rows = first ?? 25;
  if (rows < 0 || rows > most) throw invalidArgument(`A list has 0 to ${most} rows at a time; ${rows} were asked for.`);
  return rows;
}

async function beginOf(cursor: string | undefined, read: (page: feed.PageRequest) => Promise<ServicePage<unknown>>): Promise<string> {
  if (cursor === undefined || cursor === '') return '';
  const [, skipped, after] = /^(\d{1,3})\.(.*)$/s.exec(cursor) ?? [];
  if (skipped === undefined || after === undefined || Number(skipped) > MOST_ROWS) throw foreignCursor();
  if (skipped === '0') return after;
  const before = await read({ first: Number(skipped), after });
  return before.pageInfo?.endCursor || after;
}
