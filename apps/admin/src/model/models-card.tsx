import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { ModelsDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { number, unseen, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { count } from '../wording/figure';
import { ago } from '../wording/time';
import { PromoteButton, RollbackButton } from './promotion';
import { isPromotable, modelStateInWords } from './verdict';
import './models-card.css';

const PAGE = 10;

/** What runs have made: which is served, what the evaluation said, and the way forward and back. */
export function ModelsCard(): ReactNode {
  const paging = usePaging(PAGE);
  const reading = useReading(ModelsDocument, { first: PAGE, after: paging.after });
  const now = useNow();
  const list = reading.data?.models;
  const canRollBack = list?.nodes.some(({ state, promotedAt }) => state === 'RETIRED' && promotedAt !== null);
  return (
    <Card title="Models" actions={canRollBack && <RollbackButton />} flush>
      <PagedList what="models" lines={3} reading={reading} list={list} paging={paging} empty={<Empty title="No models yet">Each run that succeeds makes one.</Empty>}>
        {(models) => (
          <Table columns={['Model', 'State', 'Verdict', number('Segments'), number('Customers'), 'Made', unseen('Actions')]} className="models">
            {models.map((model) => (
              <tr key={model.id}>
                <th scope="row">
                  <Link to={`/models/${encodeURIComponent(model.id)}`}>v{model.version}</Link>
                </th>
                <td data-label="State">
                  <Badge tone={modelStateInWords(model.state).tone}>{modelStateInWords(model.state).words}</Badge>
                </td>
                <td className="verdict">{model.verdict ?? <span className="quiet">not judged yet</span>}</td>
                <td className="number" data-label="Segments">{count(model.segmentCount)}</td>
                <td className="number" data-label="Customers">{count(model.customers)}</td>
                <td className="nowrap" data-label="Made">{ago(model.createdAt, now)}</td>
                <td className="number">{isPromotable(model) && <PromoteButton model={model} />}</td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
    </Card>
  );
}
