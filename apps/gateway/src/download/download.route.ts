import { extname } from 'node:path';

import type { FastifyInstance } from 'fastify';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';

import type { DownloadLinks } from './download.link.js';

const TYPES: Readonly<Record<string, string>> = { '.ndjson': 'application/x-ndjson', '.csv': 'text/csv; charset=utf-8', '.html': 'text/html; charset=utf-8', '.parquet': 'application/vnd.apache.parquet' };

/** `GET /download/<token>`: the artefact as it lies in the store, never held in memory. */
export function serveDownloads(fastify: FastifyInstance, links: DownloadLinks, artifacts: ArtifactStore): void {
  fastify.get<{ Params: { '*': string } }>('/download/*', async (request, reply) => {
    const answer = (status: number, code: string, message: string) => reply.code(status).send({ error: { code, message } });
    const link = await links.open(request.params['*']).catch(() => undefined);
    if (link === undefined) return answer(403, 'DOWNLOAD_LINK_INVALID', 'This link is over, or not one of ours. Ask for a new one.');
    try {
      const file = await artifacts.read(link.path);
      return await reply
        .header('content-type', TYPES[extname(link.path)] ?? 'application/octet-stream')
        .header('content-disposition', `attachment; filename="${link.name}"`)
        .header('cache-control', 'no-store')
        .send(file);
    } catch (error) {
      if (error instanceof ArtifactError && error.reason === 'MISSING') return answer(410, 'FILE_GONE', 'This file is not kept any more.');
      throw error;
    }
  });
}
