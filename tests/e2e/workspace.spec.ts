import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';

import { execa } from 'execa';

import { api, ready, readyFile } from './ready.ts';

const run = (...args: string[]) => {
  const environment = { ...process.env, NODE_OPTIONS: '', ACCESS_ADDRESS: '', PRINCIPAL_SECRET: '' };
  return execa(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/workspace/main.ts', ...args], { env: environment, reject: false });
};
const data = ['--data', dirname(readyFile)];

test('one command makes a workspace beside the first: its keys work at once, and neither sees what is of the other', async () => {
  const slug = `shop-${randomUUID()}`;
  const made = JSON.parse((await run('--slug', slug, '--name', 'A shop', ...data)).stdout) as { slug: string; adminKey: string; writeKey: string };
  const messageId = randomUUID();
  const answer = await fetch(`${ready().intake}/v1/track`, {
    method: 'POST',
    body: JSON.stringify({ writeKey: made.writeKey, userId: 'u1', event: 'Seen', messageId }),
  });
  expect(answer.status).toBe(200);
  const look = 'query($id: String!) { viewer { role workspace { slug name } } eventLedger { received } eventReceipt(messageId: $id) { outcome } }';
  expect(await api(made.adminKey).ask(look, { id: messageId })).toEqual({
    viewer: { role: 'ADMIN', workspace: { slug, name: 'A shop' } },
    eventLedger: { received: 1 },
    eventReceipt: { outcome: 'STORED' },
  });
  expect(await api().ask(look, { id: messageId })).toMatchObject({ viewer: { workspace: { slug: 'default' } }, eventReceipt: null });
  const refusals = await Promise.all([run('--slug', slug, ...data), run('--slug', 'A Shop!', ...data)]);
  expect(refusals.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr])).toEqual([
    [1, '', expect.stringMatching(new RegExp(`^The workspace ${slug} is there already`))],
    [1, '', 'A slug has up to 63 small letters, digits and hyphens, for example acme-shop.'],
  ]);
});
