import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Everything of the page comes from here, and it talks to nobody else. Charts set styles in their elements. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};
/** The build puts a hash of the content into these names. */
const HASHED = /\/assets\//;

/** The admin page at /admin; its own paths below that are answered with its one document. */
export async function serveAdmin(fastify: FastifyInstance, directory: string): Promise<void> {
  const root = resolve(directory);
  fastify.get('/', (_request, reply) => reply.redirect('/admin/', 302));
  if (!existsSync(join(root, 'index.html'))) {
    const missing = (_request: unknown, reply: FastifyReply) => reply.code(404).type('text/plain').send(`The admin page has not been built (${root}). Run: npm run build\n`);
    fastify.get('/admin', missing);
    fastify.get('/admin/*', missing);
    return;
  }
  fastify.get('/admin', (_request, reply) => reply.redirect('/admin/', 302));
  await fastify.register(async (scope) => {
    await scope.register(fastifyStatic, {
      root,
      wildcard: true,
      cacheControl: false,
      setHeaders: (reply, path) => {
        reply.headers({ ...HEADERS, 'cache-control': HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache' });
      },
    });
    scope.setNotFoundHandler((request, reply) => {
      // A part that is not there stays not there; anything else is a place inside the page.
      if (request.method !== 'GET' || HASHED.test(request.url)) return reply.code(404).type('text/plain').send('Not found\n');
      return reply.sendFile('index.html');
    });
  }, { prefix: '/admin' });
}
