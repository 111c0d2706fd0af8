import { randomBytes } from 'node:crypto';

import { model, ServingHouse, type TestWorkspace, until } from './serving-house.js';
import { WebhookReceiver } from './webhook-receiver.js';

const DAY = 86_400_000;
const SETTINGS = { FEED_POLL_MS: '50', WEBHOOK_PRIVATE_TARGETS: 'true' };
const [former, newest] = [`former=${randomBytes(32).toString('base64')}`, `newest=${randomBytes(32).toString('base64')}`];

let house: ServingHouse;
let workspace: TestWorkspace;
beforeAll(async () => {
  house = await ServingHouse.open();
  workspace = await house.workspace();
});
afterAll(() => house.close());

const kept = async (id: string) =>
  (await house.owner.query<{ secret: string; key: string | null }>('select secret, secret_key_id as key from serving.webhooks where id = $1', [id])).rows[0];

test('a secret lies sealed in the table, is sealed anew after a rotation, also one from before there were keys, and signs all along', async () => {
  const receiver = await WebhookReceiver.listen();
  const first = await house.start({ ...SETTINGS, WEBHOOK_SECRET_KEYS: former });
  const [customer = ''] = await house.customers(workspace.id, 1);
  await house.track(workspace.id, [{ customerId: customer, name: 'Order Completed', at: Date.now() - DAY }]);
  const only = model();
  await house.prepare(first, workspace, only);
  await first.activation.activate({ modelId: only.id, fence: 1 }, workspace.service);
  const make = async (url: string) => {
    const { webhook: made, secret } = await first.webhooks.createWebhook({ url, segments: undefined, events: undefined }, workspace.admin);
    return { id: made?.id ?? '', secret };
  };
  const sealed = await make(receiver.url);
  receiver.secret = sealed.secret;
  const plain = await make('http://127.0.0.1:9/');
  await first.webhooks.updateWebhook({ id: plain.id, url: undefined, segments: undefined, enabled: false, events: undefined }, workspace.admin);
  // As rows were written before.
  await house.owner.query('update serving.webhooks set secret = $2, secret_key_id = null where id = $1', [plain.id, plain.secret]);
  const before = await kept(sealed.id);
  expect(before?.key).toBe('former');
  expect(before?.secret).not.toContain('whsec');
  await first.stop();

  await house.start({ ...SETTINGS, WEBHOOK_SECRET_KEYS: `${newest},${former}` });
  for (const { id } of [sealed, plain]) await until(() => kept(id), (row) => row?.key === 'newest');
  const rows = await Promise.all([sealed, plain].map(({ id }) => kept(id)));
  for (const row of rows) expect(Buffer.from(row?.secret ?? '', 'base64').toString('latin1')).not.toContain('whsec');
  await house.track(workspace.id, [1, 2].map((at) => ({ customerId: customer, name: 'Order Completed', at: Date.now() - DAY + at })));
  // The receiver takes only what its secret signed.
  expect(await receiver.untilAccepted(2)).toHaveLength(2);
  receiver.close();
});

test('a rotated secret signs beside the one before, which is sealed anew with it, until the overlap ends; without overlap it ends at once', async () => {
  const receiver = await WebhookReceiver.listen();
  const own = await house.workspace();
  const first = await house.start({ ...SETTINGS, WEBHOOK_SECRET_KEYS: former });
  const [one = '', two = '', three = ''] = await house.customers(own.id, 3);
  const only = model();
  await house.prepare(first, own, only);
  await first.activation.activate({ modelId: only.id, fence: 1 }, own.service);
  const made = await first.webhooks.createWebhook({ url: receiver.url, segments: undefined, events: undefined }, own.admin);
  const id = made.webhook?.id ?? '';
  const rotated = await first.webhooks.rotateWebhookSecret({ id, overlapSeconds: 600 }, own.admin);
  expect([rotated.secret === made.secret, Math.round((Date.parse(rotated.webhook?.previousSecretUntil ?? '') - Date.now()) / 60_000)]).toEqual([false, 10]);
  await expect(first.webhooks.rotateWebhookSecret({ id, overlapSeconds: 2_592_001 }, own.admin)).rejects.toMatchObject({ reason: 'OVERLAP_INVALID' });
  await expect(first.webhooks.rotateWebhookSecret({ id: own.id, overlapSeconds: 0 }, own.admin)).rejects.toMatchObject({ reason: 'WEBHOOK_UNKNOWN' });
  await first.stop();

  const second = await house.start({ ...SETTINGS, WEBHOOK_SECRET_KEYS: `${newest},${former}` });
  const previousKey = async () => (await house.owner.query<{ key: string }>('select previous_secret_key_id as key from serving.webhooks where id = $1', [id])).rows[0]?.key;
  await until(previousKey, (key) => key === 'newest');
  const enter = (customerId: string) => house.track(own.id, [{ customerId, name: 'Order Completed', at: Date.now() - DAY }]);
  receiver.secret = made.secret;
  await enter(one);
  await receiver.untilAccepted(1);
  receiver.secret = rotated.secret;
  await enter(two);
  await receiver.untilAccepted(2);
  expect([receiver.forged, receiver.calls.map(({ signatures }) => signatures)]).toEqual([[], [2, 2]]);

  const { secret, webhook: last } = await second.webhooks.rotateWebhookSecret({ id, overlapSeconds: 0 }, own.admin);
  expect(last?.previousSecretUntil).toBeUndefined();
  receiver.secret = secret;
  await enter(three);
  const calls = await receiver.untilAccepted(3);
  expect([receiver.forged, calls[2]?.signatures]).toEqual([[], 1]);
  receiver.close();
});
