import { randomUUID } from 'node:crypto';

import { makeWorkspace, ownWorkspace } from './own-workspace.ts';
import { api, ready } from './ready.ts';

test('one command makes a workspace beside the first: its keys work at once, and neither sees what is of the other', async () => {
  const made = await ownWorkspace();
  const messageId = randomUUID();
  const answer = await fetch(`${ready().intake}/v1/track`, {
    method: 'POST',
    body: JSON.stringify({ writeKey: made.writeKey, userId: 'u1', event: 'Seen', messageId }),
  });
  expect(answer.status).toBe(200);
  const look = 'query($id: String!) { viewer { role workspace { slug name } } eventLedger { received } eventReceipt(messageId: $id) { outcome } }';
  expect(await api(made.adminKey).ask(look, { id: messageId })).toEqual({
    viewer: { role: 'ADMIN', workspace: { slug: made.slug, name: 'A shop' } },
    eventLedger: { received: 1 },
    eventReceipt: { outcome: 'STORED' },
  });
  expect(await api().ask(look, { id: messageId })).toMatchObject({ viewer: { workspace: { slug: 'default' } }, eventReceipt: null });
  const refusals = await Promise.all([makeWorkspace('--slug', made.slug), makeWorkspace('--slug', 'A Shop!')]);
  expect(refusals.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr])).toEqual([
    [1, '', expect.stringMatching(new RegExp(`^The workspace ${made.slug} is there already`))],
    [1, '', 'A slug has up to 63 small letters, digits and hyphens, for example acme-shop.'],
  ]);
});
