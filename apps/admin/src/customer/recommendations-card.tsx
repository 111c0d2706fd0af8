import { useState, type ReactNode } from 'react';
import { CustomerRecommendationsDocument, type RecommendationReason } from '../gen/graphql';
import { Card } from '../parts/card';
import { Choice } from '../parts/choice';
import { Empty, Loading, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { percent } from '../wording/figure';

const BECAUSE: Readonly<Record<RecommendationReason, string>> = {
  BOUGHT_BEFORE: 'taken before',
  GOES_WITH: 'goes with',
  POPULAR: 'many take it',
  TASTE: 'taken by those who behave alike',
};

const OFFERED = [
  { value: 'all', words: 'All' },
  { value: 'new', words: 'New to them' },
] as const;

/** Items that a customer may take next, and why. */
export function RecommendationsCard({ id }: { id: string }): ReactNode {
  const [offered, setOffered] = useState<'all' | 'new'>('all');
  const { data, error, isLoading, again } = useReading(CustomerRecommendationsDocument, { id, excludeOwned: offered === 'new' });
  const items = data?.customer?.recommendations ?? [];
  return (
    <Card title="Recommended" note="Share of all that may be taken next" actions={<Choice label="Which items" options={OFFERED} value={offered} onChange={setOffered} />} flush>
      {error && !data && <Problem error={error} again={again} />}
      {isLoading && !error && <Loading what="recommendations" lines={4} />}
      {data && items.length === 0 && <Empty title="Nothing to recommend">There is once the model has read this customer, where events carry lists of items.</Empty>}
      {items.length > 0 && (
        <table>
          <tbody>
            {items.map(({ item, score, reason, goesWith }) => (
              <tr key={item}>
                <th scope="row">
                  {item}
                  <div className="small quiet light">{goesWith ? `${BECAUSE[reason]} ${goesWith}` : BECAUSE[reason]}</div>
                </th>
                <td className="number">{percent(score)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
