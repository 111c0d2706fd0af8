import fastify, { type FastifyInstance } from 'fastify';

import { boundBodies } from './admission.bodies.js';

const ROOM = 100_000;

/** A real server, whose answers wait until they are let go. */
let server: FastifyInstance;
let url: string;
let waiting: (() => void)[];
beforeEach(async () => {
  waiting = [];
  server = fastify();
  boundBodies(server, ROOM);
  server.post('/graphql', () => new Promise((resolve) => waiting.push(() => resolve({ data: null }))));
  server.post('/elsewhere', () => ({}));
  url = await server.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(() => server.close());

const send = (bytes: number, path = '/graphql') => fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: ''.padEnd(bytes - 12) }) });
async function held(requests: number): Promise<void> {
  while (waiting.length < requests) await new Promise((resume) => setTimeout(resume, 2));
}

test('bodies above what may be held at once are refused with a time to come again, and are taken once there is room', async () => {
  const first = [send(ROOM / 2), send(ROOM / 2)];
  await held(2);
  const refused = await send(ROOM / 2);
  expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([503, '1', { errors: [{ message: expect.stringContaining('again in a moment') as string, extensions: { code: 'UNAVAILABLE' } }] }]);
  expect((await send(ROOM, '/elsewhere')).status).toBe(200);
  waiting.splice(0).forEach((letGo) => letGo());
  for (const answer of first) expect((await answer).status).toBe(200);
  const next = send(ROOM / 2);
  await held(1);
  waiting.splice(0).forEach((letGo) => letGo());
  expect((await next).status).toBe(200);
});

test('a body larger than all room is taken where nothing else is held, and one whose sender left makes room', async () => {
  const leaving = new AbortController();
  const left = fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: ''.padEnd(ROOM * 2) }), signal: leaving.signal }).catch(() => undefined);
  await held(1);
  expect((await send(1_000)).status).toBe(503);
  leaving.abort();
  await left;
  waiting.splice(0);
  let answer: Response | undefined;
  const next = (async () => {
    do answer = await send(1_000);
    while (answer.status === 503);
    return answer;
  })();
  await held(1);
  waiting.splice(0).forEach((letGo) => letGo());
  expect((await next).status).toBe(200);
});
