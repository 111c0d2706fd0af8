import type { ReactNode } from 'react';
import type { CustomerHistoryQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Loading, Problem } from '../parts/states';
import { SegmentName } from '../segment/looks';
import type { Reading } from '../session/reading';
import { counted } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { moveOf } from './place';

interface HistoryProps {
  history: Reading<CustomerHistoryQuery>;
}

/** Segments entered and left. */
export function HistoryCard({ history: { data, error, isLoading, again } }: HistoryProps): ReactNode {
  const now = useNow();
  const moves = data?.customer?.membershipHistory;
  return (
    <Card title="Moves" note={moves && counted(moves.totalCount, 'change')}>
      {error && !data && <Problem error={error} again={again} />}
      {isLoading && <Loading what="moves" lines={3} />}
      {moves?.nodes.length === 0 && <p className="quiet">None so far.</p>}
      <ol className="moves">
        {moves?.nodes.map(({ cursor, at, isByPromotion, ...move }) => {
          const { segment, words } = moveOf(move);
          return (
            <li key={cursor}>
              <div>
                <SegmentName segment={segment} />
              </div>
              <div className="small quiet" title={dateAndTime(at)}>
                {words}, {ago(at, now)}
                {isByPromotion && ', by a new model'}
              </div>
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
