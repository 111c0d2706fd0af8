import { useState, type ReactNode } from 'react';
import './sign-in.css';

/** Asks for the key, and says where to find one. */
export function SignIn({ refused, onKey }: { refused: boolean; onKey: (key: string) => void }): ReactNode {
  const [key, setKey] = useState('');
  const given = key.trim();
  return (
    <main className="sign-in">
      <title>Sign in · Kindred</title>
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (given) onKey(given);
        }}
      >
        <img src="/admin/mark.svg" alt="" width="44" height="44" />
        <div>
          <h1>Kindred</h1>
          <p className="quiet">Customer segments that nobody had to label.</p>
        </div>
        {refused && (
          <p className="refused" role="alert">
            That key was not accepted. It may be mistyped, revoked, or of another workspace.
          </p>
        )}
        <label className="field">
          Key
          <input
            name="key"
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={key}
            onChange={(event) => setKey(event.target.value)}
            aria-describedby="where-from"
          />
        </label>
        <button className="button primary" type="submit" disabled={!given}>
          Sign in
        </button>
        <p className="quiet small" id="where-from">
          <code>npm start</code> prints a link that signs in by itself. The key is also the value of <code>adminKey</code> in{' '}
          <code>.kindred/ready.json</code>. It stays in this tab only.
        </p>
      </form>
      <div className="kin" aria-hidden="true">
        {Array.from({ length: 34 }, (_, at) => (
          <i key={at} />
        ))}
      </div>
    </main>
  );
}
