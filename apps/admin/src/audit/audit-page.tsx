import { useState, type ReactNode } from 'react';
import { AuditEntriesDocument, MutationsDocument } from '../gen/graphql';
import { Actor } from '../key/actor';
import { useKeyNames } from '../key/key-names';
import { Card, PageHead } from '../parts/card';
import { Badge } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';
import { useReading } from '../session/reading';
import { NONE } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { actionInWords, ANY, targetInWords, variablesOf, type Entry, type Filter } from './entry';
import './audit.css';

const PAGE = 25;
const LOOK_MS = 10_000;

/** Who changed what, and when. */
export function AuditPage(): ReactNode {
  const [filter, setFilter] = useState(ANY);
  const paging = usePaging(PAGE);
  const reading = useReading(AuditEntriesDocument, { ...variablesOf(filter), first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = reading.data?.auditEntries;
  const isFiltered = Object.values(filter).some((chosen) => chosen !== '');
  const choose = (chosen: Partial<Filter>): void => {
    paging.restart();
    setFilter({ ...filter, ...chosen });
  };
  return (
    <>
      <PageHead title="Audit trail" below={<p className="quiet">Every change that anybody asked for, whether it was made or refused. Nothing here is ever changed or removed.</p>} />
      <Card title="Which entries" actions={isFiltered && <button type="button" className="button bare" onClick={() => choose(ANY)}>Show all</button>}>
        <Filters filter={filter} onChange={choose} />
      </Card>
      <Card title="Entries" flush>
        <PagedList what="entries" lines={8} reading={reading} list={list} paging={paging} empty={<Empty title="None">{isFiltered ? 'Nothing was done that is as chosen above.' : 'Nobody has changed anything yet.'}</Empty>}>
          {(entries) => (
            <Table columns={['What', 'To what', 'Who', 'When', 'Outcome', 'With']}>
              {entries.map((entry) => (
                <Row key={entry.id} entry={entry} />
              ))}
            </Table>
          )}
        </PagedList>
      </Card>
    </>
  );
}

function Filters({ filter, onChange }: { filter: Filter; onChange: (chosen: Partial<Filter>) => void }): ReactNode {
  const keys = useKeyNames();
  const actions = useReading(MutationsDocument, {}).data?.__type?.fields ?? [];
  return (
    <div className="filters">
      <label className="field">
        Who
        <select value={filter.actor} onChange={({ target }) => onChange({ actor: target.value })}>
          <option value="">anybody</option>
          {keys.map(({ id, actor, name }) => (
            <option key={id} value={actor}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        What
        <select value={filter.action} onChange={({ target }) => onChange({ action: target.value })}>
          <option value="">anything</option>
          {actions.map(({ name }) => (
            <option key={name} value={name}>
              {actionInWords(name)}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        From
        <input type="date" value={filter.from} max={filter.until || undefined} onChange={({ target }) => onChange({ from: target.value })} />
      </label>
      <label className="field">
        Until
        <input type="date" value={filter.until} min={filter.from || undefined} onChange={({ target }) => onChange({ until: target.value })} />
      </label>
    </div>
  );
}

function Row({ entry }: { entry: Entry }): ReactNode {
  const { at, actor, action, target, details, outcome } = entry;
  const said = JSON.stringify(details, null, 2);
  return (
    <tr>
      <th scope="row" title={action}>
        {actionInWords(action)}
      </th>
      <td data-label="To what" title={target ?? undefined}>
        {target ? targetInWords(target) : <span className="quiet">{NONE}</span>}
      </td>
      <td data-label="Who">
        <Actor actor={actor} />
      </td>
      <td data-label="When" className="nowrap">
        <time dateTime={at}>{dateAndTime(at)}</time>
      </td>
      <td data-label="Outcome">{outcome === 'OK' ? <Badge tone="good">done</Badge> : <Badge tone="bad">{outcome.toLowerCase().replaceAll('_', ' ')}</Badge>}</td>
      <td data-label="With">
        {said === '{}' ? (
          <span className="quiet">{NONE}</span>
        ) : (
          <details>
            <summary className="small">arguments</summary>
            <pre className="mono small">{said}</pre>
          </details>
        )}
      </td>
    </tr>
  );
}
