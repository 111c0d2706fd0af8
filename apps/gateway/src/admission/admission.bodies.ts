import type { FastifyInstance } from 'fastify';

import { GRAPHQL_PATH, refuse } from './admission.route.js';

/** Of bodies that are being answered: JSON of many small parts is twenty times as large once it is read. */
const MOST_HELD_BYTES = 12 * 1024 ** 2;

/** Refuses bodies above what may be held at once. Counted once they are there, so that one who merely announces a large body keeps nobody out. */
export function boundBodies(fastify: FastifyInstance, mostBytes = MOST_HELD_BYTES): void {
  let held = 0;
  fastify.addHook('preValidation', (request, reply, goOn) => {
    if (request.routeOptions.url !== GRAPHQL_PATH) return goOn();
    // Whoever does not say how much it was is taken to have sent as much as may be.
    const bytes = Number(request.headers['content-length'] ?? request.routeOptions.bodyLimit);
    if (held > 0 && held + bytes > mostBytes) {
      void refuse(reply.header('retry-after', '1'), 503, 'UNAVAILABLE', 'As many large requests are being answered as may be. Send this one again in a moment; nothing of it was done.');
      return;
    }
    held += bytes;
    reply.raw.once('close', () => (held -= bytes));
    goOn();
  });
}
