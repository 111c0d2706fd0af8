import type { access } from '#libs/contracts';

import { AT, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const LATER = '2026-11-21T00:00:00.000Z';
const ASK = 'query($actor: String, $action: String, $from: DateTime, $to: DateTime) { auditEntries(actor: $actor, action: $action, from: $from, to: $to, first: 5) { totalCount nodes { actor action target details outcome } } }';

test('the trail is asked for by who, what and when, by administrators alone', async () => {
  const asked = () => gateway.services.calls.filter(({ method }) => method === 'listAudit').map(({ request }) => request as access.ListAuditRequest);
  const { body } = await gateway.ask(ASK, {});
  expect(body.data.auditEntries).toEqual({ totalCount: 1, nodes: [{ actor: 'key:admin', action: 'promoteModel', target: null, details: { seed: 7 }, outcome: 'OK' }] });
  await gateway.ask(ASK, { actor: 'key:1', action: 'promoteModel', from: AT, to: LATER });
  expect(asked()).toMatchObject([
    { actor: '', action: '', from: undefined, to: undefined },
    { actor: 'key:1', action: 'promoteModel', from: AT, to: LATER, page: { first: 5 } },
  ]);
  expect((await gateway.ask(ASK, {}, KEYS.editor)).status).toBe(403);
});
