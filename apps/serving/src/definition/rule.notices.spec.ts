import { definition } from '#libs/contracts';

import { noticesOf } from './rule.notices.js';

const condition = definition.CustomerCondition.fromPartial({ attribute: { property: 'plan', operator: definition.PropertyOperator.IS_SET } });
const when = { now: '2026-01-01T00:00:00Z', source: 'feed' };
const failing = (code: string) => () => Promise.reject(Object.assign(new Error('canceling statement'), { code }));

test('that nobody looked is said where it takes too long, and the count stands', async () => {
  await expect(noticesOf(failing('57014'), condition, when)).resolves.toMatchObject([{ code: 'NAMES_NOT_READ', path: 'condition', name: '', nearest: '' }]);
});

test('what else goes wrong is no notice', async () => {
  await expect(noticesOf(failing('08006'), condition, when)).rejects.toThrow('canceling statement');
});
