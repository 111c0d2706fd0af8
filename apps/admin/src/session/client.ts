import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange, type CombinedError } from 'urql';
import { createClient as createSocket } from 'graphql-ws';

export type Connection = 'idle' | 'connecting' | 'live' | 'lost';

export interface ClientOptions {
  key: string;
  /** The server no longer takes the key. */
  onRefused: () => void;
  onConnection: (state: Connection) => void;
}

const GRAPHQL = '/graphql';
/** Close codes of graphql-transport-ws that a new attempt would only repeat. */
const REFUSED = new Set([4400, 4401, 4403]);
export function isRefusal(error: CombinedError): boolean {
  const status = (error.response as Response | undefined)?.status;
  return status === 401 || error.graphQLErrors.some((one) => one.extensions['code'] === 'UNAUTHENTICATED');
}

/**
 * One client for one key: queries over HTTP, subscriptions over one socket that comes back by itself. The socket is opened by
 * the first subscription and closed with the last, so that there is nothing to dispose of once nothing asks any more.
 */
export function createSessionClient({ key, onRefused, onConnection }: ClientOptions): Client {
  const authorization = `Bearer ${key}`;
  const socket = createSocket({
    url: new URL(GRAPHQL, location.href.replace(/^http/, 'ws')).href,
    connectionParams: { authorization },
    lazy: true,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: (event) => !(event instanceof CloseEvent && REFUSED.has(event.code)),
    on: {
      connecting: () => onConnection('connecting'),
      connected: () => onConnection('live'),
      closed: (event) => {
        const { code } = event as CloseEvent;
        onConnection(code === 1000 ? 'idle' : 'lost');
        if (code === 4401 || code === 4403) onRefused();
      },
    },
  });
  return new Client({
    url: GRAPHQL,
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetchOptions: { headers: { authorization } },
    exchanges: [
      mapExchange({ onError: (error) => void (isRefusal(error) && onRefused()) }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe(
              { query: query ?? '', variables: variables ?? null },
              { next: ({ data, errors }) => sink.next({ data: data ?? null, ...(errors ? { errors } : {}) }), error: sink.error, complete: sink.complete },
            ),
          }),
        }),
      }),
    ],
  });
}
