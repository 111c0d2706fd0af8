import { credentials, makeClientConstructor, Server, ServerCredentials, type ServerReadableStream } from '@grpc/grpc-js';

import { intake } from '#libs/contracts';

import { MOST_MESSAGE_EVENTS, OversizedMessage, StreamGate } from './intake.gate.js';

type Message = intake.StreamEventsRequest;

const MIB = 1024 * 1024;
const ROOM = 3;

/** A real server and real streams; what gets through the gate lies in `inside` until it is let go. */
const gate = new StreamGate(ROOM * MIB);
const server = new Server({ interceptors: [gate.interceptor], 'grpc.max_receive_message_length': -1 });
const Client = makeClientConstructor(intake.IntakeServiceService, 'IntakeService');
const inside: Message[] = [];
let client: InstanceType<typeof Client>;

beforeAll(async () => {
  server.addService(intake.IntakeServiceService, {
    streamEvents: (call: ServerReadableStream<Message, object>, answer: (error: null, value: object) => void) => {
      call.on('data', (message: Message) => inside.push(message));
      call.on('end', () => answer(null, { results: [], stored: 0, duplicate: 0, rejected: 0 }));
      call.on('error', () => undefined);
    },
  });
  const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
});
beforeEach(() => inside.splice(0));
afterAll(() => {
  client.close();
  server.forceShutdown();
});

function stream() {
  const { path, requestSerialize, responseDeserialize } = intake.IntakeServiceService.streamEvents;
  let end: (error: unknown) => void = () => undefined;
  const ended = new Promise((resolve) => (end = resolve));
  const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error) => end(error));
  call.on('error', () => undefined);
  return { call, ended, send: (name: string, mebibytes: number) => call.write({ events: [name.padEnd(mebibytes * MIB)], sentAt: undefined }) };
}

/** Whose messages are in, once there are so many and nothing moves any more. */
async function settled(least: number): Promise<string[]> {
  for (let still = 0, last = -1; still < 30 || inside.length < least; last = inside.length) {
    await new Promise((resume) => setTimeout(resume, 5));
    still = last === inside.length ? still + 1 : 0;
  }
  return inside.map(({ events }) => String(events[0]).trim()).sort();
}

function letGo(): void {
  for (const message of inside.splice(0)) gate.leave(message);
}

test('of one stream four messages are in, however small they are', async () => {
  const one = stream();
  for (let at = 0; at < 10; at++) one.send(`small ${at}`, 0);
  one.call.end();
  expect(await settled(4)).toEqual(['small 0', 'small 1', 'small 2', 'small 3']);
  letGo();
  expect(await settled(4)).toEqual(['small 4', 'small 5', 'small 6', 'small 7']);
  letGo();
  expect(await settled(2)).toEqual(['small 8', 'small 9']);
  letGo();
  expect(await one.ended).toBeNull();
});

test('streams together have no more in than there is room for, and each message has its turn', async () => {
  const streams = [stream(), stream(), stream()];
  for (const [at, { send }] of streams.entries()) for (let n = 0; n < 2; n++) send(`${at} ${n}`, 1);
  expect(await settled(ROOM)).toHaveLength(ROOM);
  const first = inside.map(({ events }) => events[0]?.trim());
  letGo();
  const then = await settled(ROOM);
  expect(then).toHaveLength(ROOM);
  expect(new Set([...first, ...then]).size).toBe(6);
  letGo();
  for (const { call } of streams) call.end();
  expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual([null, null, null]);
});

test('a sender who goes away leaves its room to others, of messages that wait too', async () => {
  const [leaving, staying] = [stream(), stream()];
  for (let n = 0; n < 4; n++) leaving.send(`gone ${n}`, 1);
  expect(await settled(ROOM)).toEqual(['gone 0', 'gone 1', 'gone 2']);
  for (let n = 0; n < 3; n++) staying.send(`here ${n}`, 1);
  staying.call.end();
  expect(await settled(ROOM)).toHaveLength(ROOM);
  inside.splice(0);
  leaving.call.cancel();
  expect(await settled(ROOM)).toEqual(['here 0', 'here 1', 'here 2']);
  letGo();
  expect(await staying.ended).toBeNull();
});

test('many small events take the room that they need when they are decoded', async () => {
  const streams = [stream(), stream(), stream()];
  for (const { call } of streams) call.write({ events: Array.from({ length: 2 * 1024 }, () => '1'), sentAt: undefined });
  expect(await settled(1)).toHaveLength(1);
  letGo();
  expect(await settled(1)).toHaveLength(1);
  letGo();
  expect(await settled(1)).toHaveLength(1);
  letGo();
  for (const { call } of streams) call.end();
  expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual([null, null, null]);
});

test('of a message over a limit nothing waits at the door: the stream is told what it was, in its turn', async () => {
  const filling = stream();
  for (let n = 0; n < ROOM; n++) filling.send(`full ${n}`, 1);
  expect(await settled(ROOM)).toEqual(['full 0', 'full 1', 'full 2']);
  const [full, ...streams] = [inside.splice(0), stream(), stream()] as const;
  streams[0].send('bytes', 2);
  streams[1].call.write({ events: Array.from({ length: MOST_MESSAGE_EVENTS + 1 }, () => '{}'), sentAt: undefined });
  for (const { call } of streams) call.end();
  for (const message of full) gate.leave(message);
  await settled(2);
  expect(inside.every((message) => message instanceof OversizedMessage)).toBe(true);
  expect(inside.map((message) => ({ ...message }))).toEqual(
    expect.arrayContaining([
      { events: [], sentAt: undefined, eventCount: 1, bytes: 2 * MIB },
      { events: [], sentAt: undefined, eventCount: MOST_MESSAGE_EVENTS + 1, bytes: 2 * (MOST_MESSAGE_EVENTS + 1) },
    ]),
  );
  letGo();
  filling.call.end();
  expect(await Promise.all([filling, ...streams].map(({ ended }) => ended))).toEqual([null, null, null]);
});
