import { Readable } from 'node:stream';

import { id, KEYS, model, WORKSPACE } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import type { GatewayParts } from '../graphql/context.js';
import { globalId } from '../graphql/global-id.js';
import { GATEWAY_PARTS } from '../parts.module.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

test("a model's report is fetched by a link, by whoever may read; null where it is not kept", async () => {
  const report = async () => (await gateway.ask('query($id: ID!) { model(id: $id) { report { url } } }', { id: globalId('Model', id('model', 1)) }, KEYS.viewer)).body.data.model.report;
  expect(await report()).toBeNull();
  const { artifacts } = gateway.service.app.get<GatewayParts>(GATEWAY_PARTS);
  await artifacts.write({ workspaceId: WORKSPACE, area: 'models', id: model(id('model', 1)).runId, name: 'report.html' }, Readable.from(['<h1>Evaluation</h1>']));
  const file = await fetch(gateway.url + (await report()).url);
  expect([file.status, file.headers.get('content-type'), file.headers.get('content-disposition'), await file.text()]).toEqual([
    200, 'text/html; charset=utf-8', 'attachment; filename="evaluation-of-model-1.html"', '<h1>Evaluation</h1>',
  ]);
});
