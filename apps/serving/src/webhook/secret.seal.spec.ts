import { randomBytes } from 'node:crypto';

import { servingConfig } from '../serving.config.js';
import { SecretSeal } from './secret.seal.js';

const PRINCIPAL = 'a secret of the tests, long enough to sign';
const PLACE = { workspaceId: 'w', webhookId: 'h' };
const old = randomBytes(32);
const fresh = randomBytes(32);

test('a secret opens again, is sealed anew each time, and is not to be read from what is kept', () => {
  const seal = new SecretSeal(new Map([['old', old]]), PRINCIPAL);
  const [one, other] = [seal.seal(PLACE, 'whsec_abc'), seal.seal(PLACE, 'whsec_abc')];
  expect(seal.open(PLACE, one)).toBe('whsec_abc');
  expect(one.secret).not.toBe(other.secret);
  expect(Buffer.from(one.secret, 'base64').toString('latin1')).not.toContain('whsec');
});

test('after a rotation the newest key seals and the former still opens; without it, it says which one is missing', () => {
  const before = new SecretSeal(new Map([['old', old]]), PRINCIPAL).seal(PLACE, 'whsec_abc');
  const rotated = new SecretSeal(new Map([['new', fresh], ['old', old]]), PRINCIPAL);
  expect(rotated.open(PLACE, before)).toBe('whsec_abc');
  expect(rotated.seal(PLACE, 'whsec_abc').secretKeyId).toBe('new');
  expect(() => new SecretSeal(new Map([['new', fresh]]), PRINCIPAL).open(PLACE, before)).toThrow('the key "old"');
});

test('without keys one is made of the principals’ secret, and goes on opening once others are given', () => {
  const made = new SecretSeal(new Map(), PRINCIPAL).seal(PLACE, 'whsec_abc');
  expect(made.secretKeyId).toBe('principal');
  expect(new SecretSeal(new Map([['new', fresh]]), PRINCIPAL).open(PLACE, made)).toBe('whsec_abc');
  expect(() => new SecretSeal(new Map(), 'another secret, long enough to sign').open(PLACE, made)).toThrow('unable to authenticate');
});

test('what was changed, or belongs to another webhook, does not open', () => {
  const seal = new SecretSeal(new Map([['old', old]]), PRINCIPAL);
  const sealed = seal.seal(PLACE, 'whsec_abc');
  const bytes = Buffer.from(sealed.secret, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => seal.open(PLACE, { ...sealed, secret: bytes.toString('base64') })).toThrow('unable to authenticate');
  expect(() => seal.open({ ...PLACE, webhookId: 'other' }, sealed)).toThrow('unable to authenticate');
});

test('what was kept before there were keys is taken as it is', () => {
  expect(new SecretSeal(new Map(), PRINCIPAL).open(PLACE, { secret: 'whsec_plain', secretKeyId: null })).toBe('whsec_plain');
});

const environment = (keys: string) => ({
  PRINCIPAL_SECRET: PRINCIPAL, DATABASE_URL: 'postgresql://x', REDIS_URL: 'redis://x', ARTIFACT_URL: 'file:///x', ACCESS_ADDRESS: '127.0.0.1:1', INGESTION_ADDRESS: '127.0.0.1:1',
  WORKER_SCORE_ADDRESS: '127.0.0.1:1', HTTP_PORT: '1', GRPC_PORT: '1', WEBHOOK_SECRET_KEYS: keys,
});

test('keys are read from the environment, newest first', () => {
  const { WEBHOOK_SECRET_KEYS } = servingConfig(environment(`new=${fresh.toString('base64')}, old=${old.toString('base64')}`));
  expect([...WEBHOOK_SECRET_KEYS]).toEqual([['new', fresh], ['old', old]]);
});

test.each([['too short', 'a=AAAA'], ['without an id', fresh.toString('base64')], ['twice', `a=${old.toString('base64')},a=${fresh.toString('base64')}`]])('a key that is %s keeps serving from starting', (_why, keys) => {
  expect(() => servingConfig(environment(keys))).toThrow('base64 of 32 bytes');
});
