import { useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { PersonDocument } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Choice } from '../parts/choice';
import { Loading, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { KeptCard } from './kept-card';
import { MergesCard } from './merges-card';
import { ReceiptCard } from './receipt-card';
import { RequestsCard } from './requests-card';
import { ID_KINDS, personOf, type IdKind, type Whom } from './whom';

/** An erasure ends while it is looked at. */
const LOOK_MS = 2_000;

/** What somebody may ask for: everything that is kept of them, to be removed, to be kept out. */
export function PersonsPage(): ReactNode {
  // A customer's page leads here with the opaque id; ids that events carry stay out of the address.
  const [params] = useSearchParams();
  const given = params.get('customer');
  const [whom, setWhom] = useState<Whom | undefined>(given ? { kind: 'id', text: given } : undefined);
  const [request, setRequest] = useState<string>();
  return (
    <>
      <PageHead title="Persons" below={<p className="quiet">What somebody may ask for: all that is kept of them, to be removed for good, to be kept out from now on.</p>} />
      <Card title="Find a person" note="By one of their ids, letter by letter">
        <FindForm onFind={setWhom} />
      </Card>
      {whom && <Found key={`${whom.kind} ${whom.text}`} whom={whom} onRequest={setRequest} />}
      {request && <ReceiptCard key={request} id={request} onClose={() => setRequest(undefined)} />}
      <RequestsCard asked={request} onOpen={setRequest} />
    </>
  );
}

function FindForm({ onFind }: { onFind: (whom: Whom) => void }): ReactNode {
  const [kind, setKind] = useState<IdKind>('userId');
  const [text, setText] = useState('');
  const words = ID_KINDS.find(({ value }) => value === kind)?.words;
  return (
    <form
      role="search"
      className="look-up"
      onSubmit={(event) => {
        event.preventDefault();
        onFind({ kind, text: text.trim() });
      }}
    >
      <div>
        <Choice label="Which id it is" options={ID_KINDS} value={kind} onChange={setKind} />
      </div>
      <label className="field">
        {words}
        <span className="row tight">
          <input className="box" type="search" autoComplete="off" spellCheck={false} value={text} onChange={({ target }) => setText(target.value)} />
          <button type="submit" className="button primary" disabled={text.trim() === ''}>
            Find
          </button>
        </span>
      </label>
    </form>
  );
}

function Found({ whom, onRequest }: { whom: Whom; onRequest: (id: string) => void }): ReactNode {
  const { data, error, isLoading, again } = useReading(PersonDocument, { id: null, userId: null, anonymousId: null, ...personOf(whom) }, { everyMs: LOOK_MS });
  const asked = (id: string): void => {
    onRequest(id);
    again();
  };
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="what is kept" lines={4} />
        </section>
      )}
      {data && <KeptCard whom={whom} customer={data.customer} onAsked={asked} />}
      {data?.customer && data.customer.mergeHistory.totalCount > 0 && <MergesCard merges={data.customer.mergeHistory.nodes} total={data.customer.mergeHistory.totalCount} onUndone={again} />}
    </>
  );
}
