import type { feed, serving } from '#libs/contracts';
import { cutPage } from '#libs/grpc';

import type { PageAsked } from '../page/page.js';
import type { MemberOrder, MemberPlace } from './member.order.js';

/** A page of each segment's members that is asked for. */
export interface MembersAsked extends PageAsked<MemberPlace> {
  readonly order: MemberOrder;
}

/** Of one segment. */
export interface MemberList<Row> {
  /** In the order asked, one more than the page has where there is one. */
  readonly rows: readonly Row[];
  /** All members. */
  readonly total: number;
}

type Placed = { readonly customerId: string; readonly strength: number };

/** A page of a segment's members, each with its cursor. */
export function memberPage<Row extends Placed>(
  { rows, total }: MemberList<Row> = { rows: [], total: 0 },
  { first, order }: MembersAsked,
  toMember: (row: Row, cursor: string) => serving.SegmentMember,
): { members: serving.SegmentMember[]; pageInfo: feed.PageInfo } {
  const cursorOf = (row: Placed) => order.cursor.write(order.placeOf(row));
  const cut = cutPage(rows, first, total, cursorOf);
  return { members: cut.rows.map((row) => toMember(row, cursorOf(row))), pageInfo: cut.pageInfo };
}

/** What statements about pages of members take as $3, $4 and $5: the place to begin after, and how many rows. */
export const pageValues = ({ first, after }: MembersAsked) => [after?.[0] ?? null, after?.[1] ?? null, first + 1] as const;

/**
 * Of each of the segments $1: how many of `members` are its ("segmentId", "customerId", strength, and what else a row has), and the first
 * of them, in the order, after the place $3, $4, at most $5. One row, with "customerId" null, where there are none.
 */
export const firstOfEach = (members: string, { sort, after }: MemberOrder, more = '') => `select e.id as "askedId", coalesce(t.total, 0) as total${more}, p.*
  from unnest($1::uuid[]) as e(id)
  left join (select "segmentId", count(*)::float8 as total from ${members} group by "segmentId") as t on t."segmentId" = e.id
  left join (
    select m.*, row_number() over (partition by "segmentId" order by ${sort('"customerId"')}) as place from ${members} m
    where ${after('"customerId"', ['$3', '$4'])}) as p on p."segmentId" = e.id and p.place <= $5
  order by e.id, p.place`;

/** The rows of such a statement, by segment. */
export function listsOf<Row extends Placed>(rows: readonly (Row & { askedId: string; total: number })[]): Map<string, MemberList<Row>> {
  const bySegment = Map.groupBy(rows, ({ askedId }) => askedId);
  return new Map([...bySegment].map(([id, own]) => [id, { rows: own.filter(({ customerId }) => customerId !== null), total: own[0]?.total ?? 0 }]));
}
