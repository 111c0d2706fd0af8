import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { PersonRequestDetailDocument, type PersonRequestDetailQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { Loading, Notice, Problem } from '../parts/states';
import { number, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { count, counted } from '../wording/figure';
import { date, dateAndTime } from '../wording/time';
import { isUnderWay, KINDS, STATES } from './request';

type Detail = NonNullable<PersonRequestDetailQuery['personRequest']>;

const LOOK_MS = 1_000;

/** One request until it has ended, and then its receipt. */
export function ReceiptCard({ id, onClose }: { id: string; onClose: () => void }): ReactNode {
  const { data, error, isLoading, again } = useReading(PersonRequestDetailDocument, { id }, { everyMs: LOOK_MS });
  const request = data?.personRequest;
  return (
    <Card
      title={request ? `${KINDS[request.kind].words}, asked for ${dateAndTime(request.createdAt)}` : 'The request'}
      actions={
        <button type="button" className="button bare" onClick={onClose}>
          Close
        </button>
      }
    >
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="the request" lines={3} />}
      {data && !request && <p className="quiet">There is no such request.</p>}
      {request && <Body request={request} />}
    </Card>
  );
}

function Body({ request }: { request: Detail }): ReactNode {
  const { words, tone } = STATES[request.state];
  return (
    <div className="stack tight">
      <p className="row tight" role="status">
        <Badge tone={tone}>{words}</Badge>
        {isUnderWay(request) && <span className="quiet">It goes on by itself, also through a restart; a part of Kindred that is away is waited for.</span>}
        {request.finishedAt && <span className="quiet">{dateAndTime(request.finishedAt)}</span>}
        {request.download && (
          <a className="button" href={request.download.url}>
            Save the file
          </a>
        )}
      </p>
      {request.error && (
        <Notice tone="bad" title="It could not be done">
          {request.error}
        </Notice>
      )}
      {request.receipt && <Receipt kind={request.kind} receipt={request.receipt} />}
    </div>
  );
}

function Receipt({ kind, receipt: { jws, tables, models, runs } }: { kind: Detail['kind']; receipt: NonNullable<Detail['receipt']> }): ReactNode {
  const touched = tables.filter(({ rows }) => rows > 0);
  const others = tables.length - touched.length;
  return (
    <>
      {touched.length > 0 ? (
        <Table label="What was done, by table" columns={[KINDS[kind].done, number('Rows')]}>
          {touched.map(({ table, rows }) => (
            <tr key={table}>
              <th scope="row">{table}</th>
              <td data-label="Rows" className="number">
                {count(rows)}
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <p className="quiet">There was nothing of the person.</p>
      )}
      {touched.length > 0 && others > 0 && <p className="small quiet">Nothing in {counted(others, 'other place')} that {others === 1 ? 'was' : 'were'} looked through.</p>}
      {(models.length > 0 || runs.length > 0) && (
        <Notice tone="warn" title="What had learned from the person stays until it is retired">
          {models.map(({ id, version }) => (
            <Link key={id} to={`/models/${encodeURIComponent(id)}`}>
              model v{version}{' '}
            </Link>
          ))}
          {runs.map(({ id, createdAt }) => (
            <Link key={id} to={`/runs/${encodeURIComponent(id)}`}>
              the run of {date(createdAt)}{' '}
            </Link>
          ))}
          . Retrain, and retire them: docs/api/person.md says what else holds the weights.
        </Notice>
      )}
      <details>
        <summary className="small">The signed receipt</summary>
        <pre className="mono">{jws}</pre>
        <p className="small quiet">A JWS that names no id of the person; docs/api/person.md says how to check it.</p>
      </details>
    </>
  );
}
