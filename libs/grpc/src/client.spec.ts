import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Stream } from 'node:http2';

import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, type ServiceDefinition, status } from '@grpc/grpc-js';

import { connect, factOf, PRINCIPAL_METADATA, RpcError } from './index.js';

const asItIs = (bytes: Buffer): Buffer => bytes;
const SAY: ServiceDefinition = {
  say: {
    path: '/kindred.test.Saying/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  },
};
type Say = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void;

/** A service whose one method a test writes, and the method as a client of it has it. */
async function saying(say: Say, requestSerialize = asItIs) {
  const server = new Server();
  server.addService(SAY, { say });
  const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
  const client = connect({ say: { ...SAY['say'], requestSerialize } } as ServiceDefinition, `127.0.0.1:${port}`);
  const method = (client as unknown as { say: (request: Buffer, call?: object) => Promise<Buffer> }).say;
  return { method, [Symbol.asyncDispose]: async () => { client.close(); server.forceShutdown(); } };
}

const request = Buffer.from('hello');

test('a call carries its principal, and is answered', async () => {
  await using service = await saying(({ metadata, request: said }, done) => done(null, Buffer.from(`${metadata.get(PRINCIPAL_METADATA)[0]} says ${said}`)));
  expect((await service.method(request, { principal: 'somebody' })).toString()).toBe('somebody says hello');
});

test('a failure comes as the service told it', async () => {
  const told = RpcError.notFound('There is no such thing.', { reason: 'THING_UNKNOWN', metadata: { thing: 'a' } });
  await using service = await saying((_call, done) => done(told.toServiceError(), null));
  await expect(service.method(request)).rejects.toMatchObject({ status: status.NOT_FOUND, message: told.message, reason: 'THING_UNKNOWN', metadata: { thing: 'a' } });
});

test.each([
  ['half of a character', '"\ud83d" is no id.', '"\ufffd" is no id.'],
  ['all of a long text', '€'.repeat(100_000), `${'€'.repeat(2_000)}…`],
])('a failure that tells %s back is told, and the service answers on', async (_what, message, told) => {
  await using service = await saying(({ request: said }, done) => {
    if (said.equals(request)) done(RpcError.invalid(message, { reason: 'ID_INVALID', metadata: { id: message } }).toServiceError(), null);
    else done(null, said);
  });
  await expect(service.method(request)).rejects.toMatchObject({ status: status.INVALID_ARGUMENT, reason: 'ID_INVALID', message: told });
  expect((await service.method(Buffer.from('again'))).toString()).toBe('again');
});

test('a call whose deadline passes fails, and its service hears of it', async () => {
  const cancelled = Promise.withResolvers<void>();
  await using service = await saying((call) => call.on('cancelled', cancelled.resolve));
  await expect(service.method(request, { deadline: 50 })).rejects.toMatchObject({ status: status.DEADLINE_EXCEEDED });
  await cancelled.promise;
});

test('a call is given up by its signal, before it and under way', async () => {
  const [begun, cancelled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using service = await saying((call) => {
    call.on('cancelled', cancelled.resolve);
    begun.resolve();
  });
  await expect(service.method(request, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  const abort = new AbortController();
  const answer = service.method(request, { signal: abort.signal });
  await begun.promise;
  abort.abort();
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  await cancelled.promise;
});

test('stack traces of others stay as long as they were', async () => {
  const { stackTraceLimit } = Error;
  await using service = await saying((_call, done) => done(null, Buffer.alloc(0), new Metadata()));
  await service.method(request);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});

test('once a call is over nobody listens to its stream: Node holds it longer, and by listeners all that the call had in hand', async () => {
  const closed = Promise.withResolvers<Http2Stream>();
  const onClosing = (message: unknown) => {
    const { stream } = message as { stream: Http2Stream };
    stream.once('close', () => setImmediate(closed.resolve, stream));
  };
  subscribe('http2.client.stream.close', onClosing);
  await using service = await saying((_call, done) => done(null, request));
  await service.method(request);
  // But for what keeps the process alive, and holds nothing.
  expect((await closed.promise).eventNames()).toEqual(['error']);
  unsubscribe('http2.client.stream.close', onClosing);
});

test('a fact that is a list stays one, however many values there are', async () => {
  const names = Array.from({ length: 2_000 }, (_, at) => `column "${at}"`);
  await using service = await saying((_call, done) => done(RpcError.invalid('No such column.', { reason: 'COLUMN_MISSING', metadata: { columns: factOf(names) } }).toServiceError(), null));
  const error = (await service.method(request).catch((thrown: unknown) => thrown)) as RpcError;
  const told = JSON.parse(error.metadata['columns'] ?? '') as string[];
  expect(told.length).toBeGreaterThan(100);
  expect(told).toEqual(names.slice(0, told.length));
});

test.each([
  ['a number that the wire cannot hold is the fault of who gave it', 'invalid uint64: -1', status.INVALID_ARGUMENT, 'VALUE_INVALID'],
  ['a request without a value that it needs is ours', 'invalid uint32: undefined', status.INTERNAL, 'INTERNAL'],
])('%s, and nothing is sent', async (_what, said, code, reason) => {
  let calls = 0;
  await using service = await saying((_call, done) => {
    calls++;
    done(null, request);
  }, () => {
    throw new Error(said);
  });
  await expect(service.method(request)).rejects.toMatchObject({ status: code, reason });
  expect(calls).toBe(0);
});
