import type { feed, serving } from '#libs/contracts';
import { z } from '#libs/config';
import { cutPage } from '#libs/grpc';

import { cursorFormat } from '../page/page.js';

/** A place among a segment's members, strongest first: of equal ones the lower id comes first. */
export const byStrength = cursorFormat<readonly [number, string]>(z.tuple([z.number(), z.uuid()]));

/** Of one segment. */
export interface MemberList<Row> {
  /** Strongest first, one more than the page has where there is one. */
  readonly rows: readonly Row[];
  /** All members. */
  readonly total: number;
}

type Placed = { readonly customerId: string; readonly strength: number };

/** A page of a segment's members, each with its cursor. */
export function memberPage<Row extends Placed>(
  { rows, total }: MemberList<Row> = { rows: [], total: 0 },
  first: number,
  toMember: (row: Row, cursor: string) => serving.SegmentMember,
): { members: serving.SegmentMember[]; pageInfo: feed.PageInfo } {
  const cursorOf = ({ strength, customerId }: Placed) => byStrength.write([strength, customerId]);
  const cut = cutPage(rows, first, total, cursorOf);
  return { members: cut.rows.map((row) => toMember(row, cursorOf(row))), pageInfo: cut.pageInfo };
}

/**
 * Of each of the segments $1: how many of `members` are its ("segmentId", "customerId", strength, and what else a row has), and the strongest
 * of them after the place $3, $4, at most $5. One row, with "customerId" null, where there are none.
 */
export const strongestOfEach = (members: string, more = '') => `select e.id as "askedId", coalesce(t.total, 0) as total${more}, p.*
  from unnest($1::uuid[]) as e(id)
  left join (select "segmentId", count(*)::float8 as total from ${members} group by "segmentId") as t on t."segmentId" = e.id
  left join (
    select m.*, row_number() over (partition by "segmentId" order by strength desc, "customerId") as place from ${members} m
    where $3::float8 is null or strength < $3 or (strength = $3 and "customerId" > $4::uuid)) as p on p."segmentId" = e.id and p.place <= $5
  order by e.id, p.place`;

/** The rows of such a statement, by segment. */
export function listsOf<Row extends Placed>(rows: readonly (Row & { askedId: string; total: number })[]): Map<string, MemberList<Row>> {
  const bySegment = Map.groupBy(rows, ({ askedId }) => askedId);
  return new Map([...bySegment].map(([id, own]) => [id, { rows: own.filter(({ customerId }) => customerId !== null), total: own[0]?.total ?? 0 }]));
}
