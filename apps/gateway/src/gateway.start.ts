// A real gateway in the process of a test, in front of fake services.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { freePort } from '#libs/embedded';
import { createService, type Service } from '#libs/service';

import { type FakeServices, KEYS, startFakeServices } from './gateway.fake.js';
import { gatewayService } from './gateway.service.js';

/** Answers are looked into by tests alone, each knowing what it asked for. */
type Parsed = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { data?: Parsed; errors?: { message: string; path?: unknown; extensions: Record<string, unknown> }[] };
}

export interface TestGateway {
  readonly services: FakeServices;
  readonly service: Service;
  readonly url: string;
  ask(query: string, variables?: Record<string, unknown>, key?: string | null): Promise<Answer>;
  post(body: string, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export async function startTestGateway(environment: Record<string, string> = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-gateway-'));
  const services = await startFakeServices();
  const port = await freePort();
  const service = await createService(
    gatewayService({ ...services.environment, HTTP_PORT: String(port), LOG_LEVEL: 'silent', ARTIFACT_URL: pathToFileURL(folder).href, ...environment }),
  );
  await service.start();
  const url = `http://127.0.0.1:${port}`;

  async function post(body: string, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${url}/graphql`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : { errors: [{ message: text, extensions: {} }] } };
  }
  return {
    services,
    service,
    url,
    post,
    ask: (query, variables = {}, key = KEYS.admin) => post(JSON.stringify({ query, variables }), key === null ? {} : { authorization: `Bearer ${key}` }),
    close: async () => {
      await service.stop();
      await services.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
