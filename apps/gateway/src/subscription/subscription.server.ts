import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { type ExecutionArgs, GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import { CloseCode, type Context, GRAPHQL_TRANSPORT_WS_PROTOCOL, type SubscribePayload } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';

import { Admission } from '../admission/admission.js';
import { GRAPHQL_PATH } from '../admission/admission.route.js';
import { callerOf, type Keys, keyOf } from '../admission/caller.js';
import { contextOf, type GatewayParts } from '../graphql/context.js';
import { formatError, refusal } from '../graphql/error.js';
import type { Caller } from '../graphql/message.js';
import { answer, type Subscription } from './answer.js';
import { BOUNDS, Tally } from './subscription.bounds.js';

/** What is remembered of a connection. */
interface Guest {
  readonly key: string;
  readonly caller: Caller;
  readonly subscriptions: Set<string>;
}

type Connection = Context<Record<string, unknown>, Extra & { guest?: Guest }>;

/**
 * Subscriptions over graphql-transport-ws. The key comes in `connection_init` (`{"authorization": "Bearer …"}`)
 * or in the request's headers. Every connection and key is bounded, a vanished client's subscriptions end, and
 * so do those of a key that is revoked.
 */
export class SubscriptionServer {
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: BOUNDS.largestMessageBytes, handleProtocols: chooseProtocol });
  private readonly guests = new Map<WebSocket, Guest>();
  private readonly connections = new Tally();
  private readonly subscriptions = new Tally();
  private readonly admission: Admission;
  private readonly format: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
  private readonly protocol: ReturnType<typeof useServer>;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly parts: GatewayParts,
    private readonly keys: Keys,
    log: Logger,
  ) {
    this.admission = new Admission(schema);
    this.format = formatError(log);
    this.protocol = useServer<Record<string, unknown>, { guest?: Guest }>(
      {
        schema,
        subscribe: (args) => answer(args as Subscription),
        connectionInitWaitTimeout: BOUNDS.initWithinMs,
        onConnect: (connection) => this.enter(connection),
        onSubscribe: (connection, id, payload) => this.begin(connection, id, payload),
        onNext: (_connection, _id, _payload, _args, result) =>
          result.errors ? { data: result.data ?? null, errors: result.errors.map((error) => this.format(error.toJSON(), error)) } : undefined,
        onError: (_connection, _id, _payload, errors) => errors.map((error) => this.format(error instanceof GraphQLError ? error.toJSON() : error, failureOf(error))),
        onComplete: (connection, id) => this.end(connection.extra.guest, id),
        onDisconnect: (connection) => this.leave(connection),
      },
      this.sockets,
      BOUNDS.keepAliveMs,
    );
    this.timer = setInterval(() => this.closeRevoked(), BOUNDS.recheckKeysMs);
  }

  /** Answers upgrade requests; those to other paths are turned away. */
  listen(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const path = request.url?.split('?', 1)[0];
      if (path !== GRAPHQL_PATH) {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
        return;
      }
      this.sockets.handleUpgrade(request, socket, head, (webSocket) => this.sockets.emit('connection', webSocket, request));
    });
  }

  /** Subscriptions that are running, for tests and metrics. */
  get running(): number {
    return [...this.guests.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, 0);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.protocol.dispose();
  }

  private enter(connection: Connection): boolean {
    const { extra } = connection;
    const key = keyOf(connection.connectionParams ?? {}) ?? keyOf(extra.request.headers);
    const caller = callerOf(this.keys, key);
    if (!caller && !this.keys.isKnown) {
      extra.socket.close(CLOSE_TRY_AGAIN, 'Keys cannot be checked just now');
      return true;
    }
    if (!caller || key === undefined) return false;
    if (this.connections.of(caller.actor) >= BOUNDS.connectionsPerKey) {
      extra.socket.close(CLOSE_TOO_MANY, 'Too many connections with this key');
      return true;
    }
    const guest = { key, caller, subscriptions: new Set<string>() };
    extra.guest = guest;
    this.guests.set(extra.socket, guest);
    this.connections.add(caller.actor, 1);
    return true;
  }

  private async begin({ extra }: Connection, id: string, payload: SubscribePayload): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const { guest } = extra;
    if (!guest || !callerOf(this.keys, guest.key)) return [refusal('UNAUTHENTICATED', 'The key is not valid any more.', 401)];
    const { caller, subscriptions } = guest;
    if (subscriptions.size >= BOUNDS.perConnection || this.subscriptions.of(caller.actor) >= BOUNDS.perKey) {
      return [refusal('TOO_MANY_SUBSCRIPTIONS', `A connection has at most ${BOUNDS.perConnection} subscriptions, a key ${BOUNDS.perKey}.`, 429)];
    }
    const variables = payload.variables ?? {};
    const document = this.admission.subscription(payload.query, variables, payload.operationName, caller);
    if ('length' in document) return document;
    // Counted before anything is awaited, so that many at once cannot slip past the bound.
    subscriptions.add(id);
    this.subscriptions.add(caller.actor, 1);
    try {
      return {
        schema: this.schema,
        document,
        variableValues: variables,
        operationName: payload.operationName,
        contextValue: await contextOf(this.parts, caller),
      };
    } catch (error) {
      this.end(guest, id);
      throw error;
    }
  }

  private end(guest: Guest | undefined, id: string): void {
    if (guest?.subscriptions.delete(id)) this.subscriptions.add(guest.caller.actor, -1);
  }

  private leave({ extra }: Connection): void {
    const { guest } = extra;
    if (!guest || !this.guests.delete(extra.socket)) return;
    for (const id of guest.subscriptions) this.end(guest, id);
    this.connections.add(guest.caller.actor, -1);
  }

  private closeRevoked(): void {
    for (const [socket, { key }] of this.guests) {
      if (!callerOf(this.keys, key) && this.keys.isKnown) socket.close(CloseCode.Forbidden, 'The key is not valid any more');
    }
  }
}

const CLOSE_TOO_MANY = 4429;
/** The client library comes back by itself after this one. */
const CLOSE_TRY_AGAIN = 1013;

/** A source that fails does so at no place of the document: what went wrong there is what the library wrapped. */
function failureOf(error: GraphQLError | GraphQLFormattedError): unknown {
  return error instanceof GraphQLError && error.locations === undefined ? (error.originalError ?? error) : error;
}

function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false;
}
