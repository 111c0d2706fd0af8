import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

import { WebhookSender } from './webhook.sender.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const never = new AbortController().signal;
let server: Server;
let connections = 0;
const paths: (string | undefined)[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    paths.push(request.url);
    if (request.url === '/moved') response.writeHead(302, { location: '/elsewhere' }).end();
    else if (request.url?.startsWith('/later/')) response.writeHead(429, { 'retry-after': decodeURIComponent(request.url.slice('/later/'.length)) }).end();
    else if (request.url === '/endless') response.writeHead(200).write('x'.repeat(100_000));
    else if (request.url === '/') response.writeHead(200).end();
  }).on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const url = (path: string, host = '127.0.0.1') => `http://${host}:${(server.address() as { port: number }).port}${path}`;

async function send(target: string, allowsPrivate = true, signal = never) {
  const sender = new WebhookSender(allowsPrivate, 300);
  const answer = await sender.send(target, [SECRET], 'm-1', '{}', signal);
  sender.close();
  return answer;
}

test.each(['127.0.0.1', 'localhost'])('no connection is made to %s where private addresses are not allowed', async (host) => {
  const before = connections;
  expect(await send(url('/', host), false)).toEqual({ error: expect.stringContaining('private IP address') as unknown });
  expect(connections).toBe(before);
});

test('a redirect is an answer, and is not followed', async () => {
  expect(await send(url('/moved'))).toEqual({ status: 302, restMs: 0 });
  expect(paths).not.toContain('/elsewhere');
});

test('an answer that never comes or never ends costs a bounded time', async () => {
  expect(await send(url('/silent'))).toEqual({ error: 'no answer within 300 ms' });
  expect(await send(url('/endless'))).toEqual({ status: 200, restMs: 0 });
});

test.each([
  ['120', 120_000, 120_000],
  [new Date(Date.now() + 600_000).toUTCString(), 500_000, 600_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0, 0],
  ['soon', 0, 0],
])('a receiver that says "%s" is left alone for so long', async (retryAfter, least, most) => {
  const answer = await send(url(`/later/${encodeURIComponent(retryAfter)}`));
  expect(answer).toMatchObject({ status: 429 });
  const { restMs } = answer as { restMs: number };
  expect(restMs).toBeGreaterThanOrEqual(least);
  expect(restMs).toBeLessThanOrEqual(most);
});

test('nobody listening is an answer too', async () => {
  expect(await send('http://127.0.0.1:1/')).toEqual({ error: expect.stringContaining('ECONNREFUSED') as unknown });
});
