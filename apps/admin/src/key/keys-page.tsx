import { useState, type ReactNode } from 'react';
import { ApiKeysDocument } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Loading, Notice, Problem } from '../parts/states';
import { unseen, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { ago, dateAndTime } from '../wording/time';
import { stateOf, type Key } from './key';
import { CreateDialog, RevokeDialog, RotateDialog } from './key-dialogs';

const PAGE = 20;

type Asked = { readonly what: 'create' } | { readonly what: 'rotate' | 'revoke'; readonly key: Key };

export function KeysPage(): ReactNode {
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(ApiKeysDocument, { first: PAGE, after: paging.after });
  const [asked, setAsked] = useState<Asked>();
  const [fresh, setFresh] = useState<{ name: string; secret: string }>();
  const list = data?.apiKeys;
  const dialog = { onClose: () => setAsked(undefined), onChanged: again, onSecret: (name: string, secret: string) => setFresh({ name, secret }) };
  const make = (
    <button type="button" className="button primary" onClick={() => setAsked({ what: 'create' })}>
      Make a key
    </button>
  );
  return (
    <>
      <PageHead title="Keys" below={<p className="quiet">What programs present to be let in.</p>} actions={make} />
      {fresh && (
        <Notice tone="good" title={`The secret of “${fresh.name}”, shown this once`}>
          <code className="mono">{fresh.secret}</code>
        </Notice>
      )}
      <Card title="Keys of the workspace" flush>
        {error && <Problem error={error} again={again} />}
        {isLoading && <Loading what="keys" />}
        {list && (
          <>
            <Table columns={['Key', 'State', 'May', 'Begins with', 'Made', unseen('What to do')]}>
              {list.nodes.map((key) => (
                <Row key={key.id} row={key} ask={setAsked} />
              ))}
            </Table>
            <Pager paging={paging} shown={list.nodes.length} total={list.totalCount} what="keys" pageInfo={list.pageInfo} />
          </>
        )}
      </Card>
      {asked?.what === 'create' && <CreateDialog {...dialog} />}
      {asked?.what === 'rotate' && <RotateDialog target={asked.key} {...dialog} />}
      {asked?.what === 'revoke' && <RevokeDialog target={asked.key} {...dialog} />}
    </>
  );
}

function Row({ row, ask }: { row: Key; ask: (asked: Asked) => void }): ReactNode {
  const now = useNow(5_000);
  const { words, tone, isLive } = stateOf(row, now);
  return (
    <tr>
      <th scope="row">{row.name}</th>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge>
      </td>
      <td data-label="May">{row.role.toLowerCase()}</td>
      <td data-label="Begins with" className="mono">
        {row.prefix}…
      </td>
      <td data-label="Made" className="nowrap" title={dateAndTime(row.createdAt)}>
        {ago(row.createdAt, now)}
      </td>
      <td>
        {isLive && (
          <span className="row tight nowrap end">
            <button type="button" className="button bare" aria-label={`Rotate ${row.name}`} onClick={() => ask({ what: 'rotate', key: row })}>
              Rotate
            </button>
            <button type="button" className="button bare" aria-label={`Revoke ${row.name}`} onClick={() => ask({ what: 'revoke', key: row })}>
              Revoke
            </button>
          </span>
        )}
      </td>
    </tr>
  );
}
