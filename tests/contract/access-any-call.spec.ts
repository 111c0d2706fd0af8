import fc from 'fast-check';

import { PrincipalSigner } from '#libs/auth';
import { loadConfig } from '#libs/config';
import { access } from '#libs/contracts';
import { freePort, startTestPlatform, type TestPlatform } from '#libs/embedded';
import { connect } from '#libs/grpc';
import { createService, type Service } from '#libs/service';

import { AccessModule } from '../../apps/access/src/access.module.js';
import { accessShape } from '../../apps/access/src/config.js';
import { namesOf, tryAnyCalls } from '../any-call.js';

const SECRET = 'a secret that only these tests know of';
const services = [access.AccessServiceService];

let platform: TestPlatform;
let service: Service;
let address: string;
beforeAll(async () => {
  platform = await startTestPlatform();
  const [http, grpc] = [await freePort(), await freePort()];
  const environment = { HTTP_PORT: String(http), GRPC_PORT: String(grpc), LOG_LEVEL: 'silent', PRINCIPAL_SECRET: SECRET, DATABASE_URL: platform.databaseUrl };
  service = await createService({ name: 'access', config: () => loadConfig(accessShape, environment), module: AccessModule, services });
  await service.start();
  address = `127.0.0.1:${grpc}`;
});
afterAll(async () => {
  await service.stop();
  await platform.close();
});

test('any request of any method is answered, and never with a failure of the service', async () => {
  const signer = new PrincipalSigner(SECRET);
  const client = connect(access.AccessServiceService, address);
  const { workspace } = await client.bootstrapWorkspace({ slug: 'shop', name: 'Shop', settings: undefined, adminKey: '', writeKey: '' }, { principal: await signer.service('operator') });
  client.close();
  const workspaceId = workspace?.id ?? '';
  const text = fc.oneof(fc.constantFrom('', 'shop', workspaceId, 'UTC', 'EUR'), fc.uuid(), fc.string({ unit: 'binary', maxLength: 300 }), fc.json());
  const leaves = { text, bytes: fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value)) };
  const principals = [await signer.sign({ workspaceId, actor: 'key:test', role: 'ADMIN' }), await signer.service('gateway', workspaceId), await signer.service('operator')];
  const tried = await tryAnyCalls({ address, folder: 'kindred/access/v1', principals, leaves, rounds: 24 });
  // Otherwise nothing but the door would have been tried.
  expect([tried.services, tried.well > tried.methods / 3]).toEqual([namesOf(services), true]);
}, 60_000);
