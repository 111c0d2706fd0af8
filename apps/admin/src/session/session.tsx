import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Provider } from 'urql';
import { openSession, type Connection, type Session } from './client';
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

/** Nothing of the page is shown without a key; with one, everything below speaks to the server in its name. */
export function SessionGate({ initialKey, children }: { initialKey: string | undefined; children: ReactNode }): ReactNode {
  const [key, setKey] = useState(initialKey);
  const [refused, setRefused] = useState(false);
  const [connection, setConnection] = useState<Connection>('idle');
  const [session, setSession] = useState<Session>();

  const leave = useCallback((wasRefused: boolean) => {
    forgetKey(sessionStorage);
    setRefused(wasRefused);
    setKey(undefined);
  }, []);

  useEffect(() => {
    if (!key) return;
    const opened = openSession({ key, onRefused: () => leave(true), onConnection: setConnection });
    setSession(opened);
    return () => {
      setSession(undefined);
      opened.dispose();
    };
  }, [key, leave]);

  const state = useMemo(() => ({ connection, signOut: () => leave(false) }), [connection, leave]);
  const enter = (given: string): void => {
    keepKey(sessionStorage, given);
    setRefused(false);
    setKey(given);
  };

  if (!key) return <SignIn refused={refused} onKey={enter} />;
  if (!session) return null;
  return (
    <SessionContext value={state}>
      <Provider value={session.client}>{children}</Provider>
    </SessionContext>
  );
}
