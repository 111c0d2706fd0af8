import { stateOf } from './key';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const [PAST, FUTURE] = ['2026-05-01T11:59:59Z', '2026-05-02T12:00:00Z'];
const state = (key: Partial<Parameters<typeof stateOf>[0]>) => stateOf({ revokedAt: null, expiresAt: null, previousSecretUntil: null, ...key }, NOW);

test('a key is told to be live, with two secrets, ended or revoked, the last one first', () => {
  expect(state({})).toEqual({ words: 'live', tone: 'good', isLive: true });
  expect(state({ previousSecretUntil: FUTURE })).toMatchObject({ words: expect.stringMatching(/^two secrets until /) as string, isLive: true });
  expect(state({ previousSecretUntil: PAST })).toMatchObject({ words: 'live' });
  expect(state({ expiresAt: FUTURE })).toMatchObject({ words: expect.stringMatching(/^live until /) as string, isLive: true });
  expect(state({ expiresAt: PAST, previousSecretUntil: FUTURE })).toMatchObject({ words: 'ended', isLive: false });
  expect(state({ expiresAt: FUTURE, revokedAt: PAST })).toMatchObject({ words: 'revoked', isLive: false });
});
