import { withoutSecrets } from './audit.trail.js';

test('secrets are left out at any depth, payloads measured, long lists counted and long texts cut', () => {
  const kept = withoutSecrets({
    input: { name: 'Reports', clientSecret: 's', nested: [{ authorization: 'Bearer x', keep: 1 }], many: Array.from({ length: 11 }, () => 1) },
    text: 'x'.repeat(600),
    payload: { email: 'ann@example.org' },
    nothing: null,
  });
  expect(kept).toEqual({ input: { name: 'Reports', nested: [{ keep: 1 }], many: { count: 11 } }, text: `${'x'.repeat(500)}…`, payload: { bytes: 27 }, nothing: null });
});

test('what lies deeper than anybody reads is cut, however deep it is', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`) as unknown;
  expect(JSON.stringify(withoutSecrets({ mapping: deep }))).toMatch(/^\{"mapping":(\{"a":){60,63}"…"\}+$/);
  expect(withoutSecrets({ payload: deep })).toEqual({ payload: { bytes: 20_000 * 6 + 1 } });
});
