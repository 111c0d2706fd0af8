import { useEffect, useRef, type ReactNode } from 'react';
import { CustomerLink } from '../customer/customer-link';
import { SegmentMembersDocument, type SegmentKind } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Measured } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { number, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { count } from '../wording/figure';
import { ago } from '../wording/time';
import { useLooks } from './looks';

const PAGE = 12;
/** When somebody comes into a segment that is empty. */
const WHEN: Readonly<Record<SegmentKind, string>> = {
  LEARNED: 'Members appear as events arrive, or with the next run.',
  RULE: 'Members appear as soon as somebody meets its rule.',
  EXAMPLE: 'Members appear as soon as somebody is close enough.',
  STATIC: 'Give it another list to put somebody into it.',
};

/** Everyone in a segment; of one that a model draws, the strongest first. */
export function Members({ segment }: { segment: { id: string; name: string; kind: SegmentKind; size: number } }): ReactNode {
  // In what people define everyone is as much as everyone else.
  const hasStrength = segment.kind === 'LEARNED';
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(SegmentMembersDocument, { id: segment.id, first: PAGE, after: paging.after });
  // The count stands above the list: where it has moved, the list has too.
  const counted = useRef(segment.size);
  useEffect(() => {
    if (counted.current === segment.size) return;
    counted.current = segment.size;
    again();
  }, [again, segment.size]);
  const colour = useLooks()(segment.id).colour;
  const now = useNow();
  const members = data?.segment?.members;
  return (
    <Card title="Members" note={hasStrength && 'Strongest first: how surely a refit would place them here'} flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="members" lines={PAGE} />}
      {members?.edges.length === 0 && <Empty title="Nobody is in it now">{WHEN[segment.kind]}</Empty>}
      {members && members.edges.length > 0 && (
        <>
          <Table columns={['Customer', hasStrength && 'Strength', 'Since', number('Events'), 'Last seen']}>
            {members.edges.map(({ cursor, node, membership }) => (
              <tr key={cursor}>
                <th scope="row">
                  <CustomerLink customer={node} />
                </th>
                {hasStrength && <td data-label="Strength">{membership && <Measured value={membership.strength} colour={colour} />}</td>}
                <td data-label="Since" className="nowrap">{membership && ago(membership.since, now)}</td>
                <td data-label="Events" className="number">{count(node.eventCount)}</td>
                <td data-label="Last seen" className="nowrap">{ago(node.lastSeenAt, now)}</td>
              </tr>
            ))}
          </Table>
          <Pager paging={paging} shown={members.edges.length} total={members.totalCount} what="members" pageInfo={members.pageInfo} />
        </>
      )}
    </Card>
  );
}
