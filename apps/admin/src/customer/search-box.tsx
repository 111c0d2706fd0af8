import { useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { useClient } from 'urql';
import { CustomerByAnonymousIdDocument, CustomerByIdDocument, CustomerByUserIdDocument } from '../gen/graphql';
import { explain } from '../session/problem';

/** Finds one customer by exactly what was typed: the user id, else an anonymous id, else the opaque id. */
export function SearchBox({ value, onChange }: { value: string; onChange: (text: string) => void }): ReactNode {
  const client = useClient();
  const navigate = useNavigate();
  const [problem, setProblem] = useState<string>();
  const [isLooking, setLooking] = useState(false);

  const look = async (): Promise<void> => {
    const text = value.trim();
    if (!text) return;
    setLooking(true);
    setProblem(undefined);
    const byUser = await client.query(CustomerByUserIdDocument, { userId: text });
    const found = byUser.data?.customer ?? (await client.query(CustomerByAnonymousIdDocument, { anonymousId: text })).data?.customer ?? (await client.query(CustomerByIdDocument, { id: text })).data?.customer;
    setLooking(false);
    if (found) return void navigate(`/customers/${encodeURIComponent(found.id)}`);
    setProblem(byUser.error ? explain(byUser.error).remedy : `Nobody has the id “${text}”. Ids are matched letter by letter; choose from the list below if its beginning is right.`);
  };

  return (
    <form
      role="search"
      className="look-up"
      onSubmit={(event) => {
        event.preventDefault();
        void look();
      }}
    >
      <label className="field">
        User id
        <span className="row tight">
          <input
            className="box"
            type="search"
            name="userId"
            autoComplete="off"
            spellCheck={false}
            placeholder="The id that your events carry"
            value={value}
            onChange={(event) => {
              setProblem(undefined);
              onChange(event.target.value);
            }}
          />
          <button type="submit" className="button primary" disabled={isLooking || !value.trim()}>
            Look up
          </button>
        </span>
      </label>
      {problem && (
        <p className="small quiet" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
