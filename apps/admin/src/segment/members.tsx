import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { nameOf } from '../customer/name';
import { SegmentMembersDocument } from '../gen/graphql';
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

/** Everyone in a segment, strongest first. */
export function Members({ segment }: { segment: { id: string; name: string } }): ReactNode {
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(SegmentMembersDocument, { id: segment.id, first: PAGE, after: paging.after });
  const colour = useLooks()(segment.id).colour;
  const now = useNow();
  const members = data?.segment?.members;
  return (
    <Card title="Members" note="Strongest first: how surely a refit would place them here" flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="members" lines={PAGE} />}
      {members?.edges.length === 0 && <Empty title="Nobody is in it now">Members appear as events arrive, or with the next run.</Empty>}
      {members && members.edges.length > 0 && (
        <>
          <Table columns={['Customer', 'Strength', 'Since', number('Events'), 'Last seen']}>
            {members.edges.map(({ cursor, node, membership }) => (
              <tr key={cursor}>
                <th scope="row">
                  <Link to={`/customers/${encodeURIComponent(node.id)}`}>{nameOf(node)}</Link>
                </th>
                <td data-label="Strength">{membership && <Measured value={membership.strength} colour={colour} />}</td>
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
