import { createContext, use, useCallback, useMemo, useState, type ReactNode } from 'react';
import { Provider } from 'urql';
import { createSessionClient, type Connection } from './client';
import { forgetKey, keepKey } from './key';
import { SignIn } from './sign-in';

interface SessionState {
  connection: Connection;
  signOut: () => void;
}

const SessionContext = createContext<SessionState>({ connection: 'idle', signOut: () => undefined });

export function useSession(): SessionState {
  return use(SessionContext);
}

interface SessionProps {
  /** The key it speaks with; another key is another session. */
  credential: string;
  onLeave: (wasRefused: boolean) => void;
  children: ReactNode;
}

function Session({ credential, onLeave, children }: SessionProps): ReactNode {
  const [connection, setConnection] = useState<Connection>('idle');
  const [client] = useState(() => createSessionClient({ key: credential, onRefused: () => onLeave(true), onConnection: setConnection }));
  const state = useMemo(() => ({ connection, signOut: () => onLeave(false) }), [connection, onLeave]);
  return (
    <SessionContext value={state}>
      <Provider value={client}>{children}</Provider>
    </SessionContext>
  );
}

/** Nothing of the page is shown without a key; with one, everything below speaks to the server in its name. */
export function SessionGate({ initialKey, children }: { initialKey: string | undefined; children: ReactNode }): ReactNode {
  const [key, setKey] = useState(initialKey);
  const [refused, setRefused] = useState(false);

  const leave = useCallback((wasRefused: boolean) => {
    forgetKey(sessionStorage);
    setRefused(wasRefused);
    setKey(undefined);
  }, []);
  const enter = (given: string): void => {
    keepKey(sessionStorage, given);
    setRefused(false);
    setKey(given);
  };

  if (!key) return <SignIn refused={refused} onKey={enter} />;
  return (
    <Session key={key} credential={key} onLeave={leave}>
      {children}
    </Session>
  );
}
