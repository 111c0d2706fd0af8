// Any operation on any field, by the SDL: what comes in is answered or refused with words, and never a failure of ours.
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';

import { execa } from 'execa';
import fc from 'fast-check';

import { type AnyOperation, anyOperationOf } from '../any-operation.ts';
import { api, ready, readyFile } from './ready.ts';

interface Answer {
  readonly data?: unknown;
  readonly errors?: { readonly message: string; readonly path?: readonly (string | number)[]; readonly extensions: { readonly code?: string } }[];
}

const AT_ONCE = 10;
/** They mean that we failed: nothing is away here. */
const OURS = new Set(['INTERNAL_SERVER_ERROR', 'UNAVAILABLE', undefined]);
const NAMES = ['Order Completed', 'Product Viewed', 'revenue', 'currency', 'USD', 'UTC', 'Europe/London', '0 3 * * *', 'http', 'graphql', 'import:x', '2025-12', 'https://example.org/hook', 'shopper-000001', 'kindred.mapping/1'];

async function send(key: string, { query, variables }: AnyOperation): Promise<{ status: number; body: Answer }> {
  const response = await fetch(ready().graphql, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ query, variables }) });
  return { status: response.status, body: (await response.json()) as Answer };
}

/** Rounds of ten at once; tells how many fields were answered with data at least once. */
async function tried(key: string, operation: fc.Arbitrary<AnyOperation>, rounds: number): Promise<{ operations: number; answered: number }> {
  let [operations, answered] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (some) => {
      const answers = await Promise.all(some.map(async (one) => ({ ...one, ...(await send(key, one)) })));
      operations += answers.length;
      answered += answers.filter(({ body }) => body.errors === undefined).length;
      const failures = answers.flatMap(({ query, variables, status, body }) =>
        (body.errors ?? []).filter(({ extensions: { code } }) => status >= 500 || OURS.has(code)).map(({ message, path, extensions }) => ({ query, variables, status, message, path, code: extensions.code })),
      );
      expect(failures).toEqual([]);
    }),
    { numRuns: rounds, endOnFailure: true },
  );
  return { operations, answered };
}

test('any query is answered, or refused with words', async () => {
  const known = await api().ask<{ customers: { nodes: { id: string }[] }; segments: { nodes: { id: string }[] }; models: { nodes: { id: string; run: { id: string } | null }[] } }>(
    '{ customers(first: 5) { nodes { id } } segments(first: 20) { nodes { id } } models(first: 2) { nodes { id run { id } } } }',
  );
  const ids = [...known.customers.nodes, ...known.segments.nodes, ...known.models.nodes, ...known.models.nodes.flatMap(({ run }) => run ?? [])].map(({ id }) => id);
  const { fields, operation } = anyOperationOf('Query', ids, NAMES);
  const { operations, answered } = await tried(ready().adminKey, operation, 60);
  process.stderr.write(`   ${operations} queries of ${fields.length} fields, ${answered} of them answered\n`);
  // Otherwise nothing but the door would have been tried.
  expect(answered).toBeGreaterThan(operations / 10);
}, 180_000);

test('any mutation is done, or refused with words', async () => {
  // In a workspace of its own: some of them remove what others look at.
  const environment = { ...process.env, NODE_OPTIONS: '', ACCESS_ADDRESS: '', PRINCIPAL_SECRET: '' };
  const arguments_ = ['--disable-warning=ExperimentalWarning', 'scripts/workspace/main.ts', '--slug', `any-${randomUUID()}`, '--name', 'Any', '--data', dirname(readyFile)];
  const { adminKey } = JSON.parse((await execa(process.execPath, arguments_, { env: environment })).stdout) as { adminKey: string };
  await api(adminKey).ask('mutation { trackEvents(input: { events: [{ event: "Order Completed", userId: "shopper-000001" }] }) { stored } }');
  const { customer, apiKeys } = await api(adminKey).ask<{ customer: { id: string }; apiKeys: { nodes: { id: string }[] } }>('{ customer(userId: "shopper-000001") { id } apiKeys { nodes { id } } }');
  const ids = [customer.id, ...apiKeys.nodes.map(({ id }) => id), Buffer.from(`Segment:${randomUUID()}`).toString('base64url')];
  // Those that would lock us out.
  const { fields, operation } = anyOperationOf('Mutation', ids, NAMES, ['revokeApiKey', 'rotateApiKey']);
  const { operations, answered } = await tried(adminKey, operation, 60);
  process.stderr.write(`   ${operations} mutations of ${fields.length} fields, ${answered} of them answered\n`);
  expect(answered).toBeGreaterThan(operations / 10);
}, 180_000);
