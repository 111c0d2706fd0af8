import type { FastifyInstance, FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';

import type { UploadLinks, UploadPlace } from './upload.link.js';

const STATUS: Record<ArtifactError['reason'], number> = { EXISTS: 409, TOO_LARGE: 413, NO_SPACE: 507, MISSING: 404, HASH_MISMATCH: 500 };

/** `PUT /upload/<token>`: the body becomes an artefact as it comes, written once, never held in memory. */
export async function serveUploads(fastify: FastifyInstance, links: UploadLinks, artifacts: ArtifactStore, log: Logger): Promise<void> {
  await fastify.register(async (scope) => {
    // Whatever it is called, the body stays a stream.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.put<{ Params: { '*': string } }>('/upload/*', { bodyLimit: links.maxBytes }, async (request, reply) => {
      const place = await links.open(request.params['*']).catch(() => undefined);
      if (!place) return answer(reply, 403, 'UPLOAD_LINK_INVALID', 'This link is over, or not one of ours. Ask for a new one with createUpload.');
      const announced = Number(request.headers['content-length'] ?? 0);
      if (announced > links.maxBytes) return answer(reply, 413, 'TOO_LARGE', `A file may have ${links.maxBytes} bytes.`);
      return store(place, request.raw, reply);
    });
  });

  async function store({ workspaceId, id, name }: UploadPlace, body: IncomingMessage, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const { bytes, sha256 } = await artifacts.write({ workspaceId, area: 'uploads', id, name }, body, { maxBytes: links.maxBytes });
      return await reply.code(201).send({ bytes, sha256 });
    } catch (error) {
      if (error instanceof ArtifactError) return answer(reply.header('connection', 'close'), STATUS[error.reason], error.reason, error.message);
      if (body.destroyed || body.readableAborted) return answer(reply, 400, 'UPLOAD_INTERRUPTED', 'The file did not come whole; nothing was kept. Send it again.');
      log.error({ err: error }, 'an upload failed');
      return answer(reply, 500, 'INTERNAL_SERVER_ERROR', 'An unexpected failure; the log has it.');
    }
  }
}

async function answer(reply: FastifyReply, status: number, code: string, message: string): Promise<FastifyReply> {
  return reply.code(status).send({ error: { code, message } });
}
