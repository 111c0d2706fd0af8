// The system as `npm start` brings it up, with ARTIFACT_URL=s3://…: what goes through the artefact store goes through the bucket.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';

import { PrincipalSigner } from '#libs/auth';
import { access as accessApi } from '#libs/contracts';
import { type S3Server, startS3Server, temporaryFolder } from '#libs/embedded';
import { connect } from '#libs/grpc';

import { freeBase } from '../../bench/ports.ts';
import { importFile } from '../../scripts/start/file-import.ts';
import { Api } from '../../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../../scripts/start/main-job.ts';
import { Progress } from '../../scripts/start/progress.ts';
import { startSystem, type System } from '../../scripts/start/system.ts';
import { until } from '../e2e/ready.ts';

const quiet = () => undefined;

let bucket: S3Server;
let folder: string;
let system: System;
let api: Api;
beforeAll(async () => {
  bucket = await startS3Server();
  process.env['ARTIFACT_URL'] = bucket.url;
  process.env['ARCHIVE_SETTLE_SECONDS'] = '0';
  folder = await temporaryFolder('kindred-bucket');
  system = await startSystem({ port: await freeBase(), data: join(folder, 'data'), tell: quiet });
  await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
  api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
}, 240_000);
afterAll(async () => {
  delete process.env['ARTIFACT_URL'];
  delete process.env['ARCHIVE_SETTLE_SECONDS'];
  await system?.stop();
  await bucket?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
}, 60_000);

/** Names of the files in the bucket, without the workspace and ids before them. */
async function files(): Promise<string[]> {
  const { hostname: Bucket } = new URL(bucket.url);
  const { Contents } = await new S3Client({ forcePathStyle: true }).send(new ListObjectsV2Command({ Bucket }));
  return (Contents ?? []).map(({ Key }) => Key ?? '').map((key) => `${key.split('/').at(-3)}/${key.split('/').at(-1)}`).sort();
}

test('a file is uploaded to the bucket and imported from there, its events are archived there and read from there', async () => {
  const file = join(folder, 'visits.csv');
  await writeFile(file, `customer_id,time,event\n${Array.from({ length: 40 }, (_, at) => `ann,2024-03-01T10:00:${String(at).padStart(2, '0')}Z,Seen\n`).join('')}`);
  expect(await importFile(api, file, undefined, new Progress(), quiet)).toMatchObject({ rowsRead: 40, eventsStored: 40 });
  expect(await files()).toEqual([expect.stringMatching(/^uploads\/.*\.csv$/)]);

  const { archiveEvents } = await api.ask<{ archiveEvents: { id: string } }>('mutation { archiveEvents(before: "2025-01-01T00:00:00Z") { ... on ArchiveRequest { id } } }');
  const request = () => api.ask<{ archiveRequest: { state: string; eventsDone: number; error: string | null } }>('query($id: ID!) { archiveRequest(id: $id) { state eventsDone error } }', { id: archiveEvents.id });
  const { archiveRequest } = await until(request, ({ archiveRequest: { state } }) => state === 'SUCCEEDED' || state === 'FAILED', 60_000);
  expect(archiveRequest).toEqual({ state: 'SUCCEEDED', eventsDone: 40, error: null });
  expect(await files()).toEqual(['archives/events.json', 'archives/events.parquet', expect.stringMatching(/^uploads\//)]);
  const { customer } = await api.ask<{ customer: { archivedEventCount: number; events: { totalCount: number; nodes: { occurredAt: string }[] } } }>(
    '{ customer(userId: "ann") { archivedEventCount events(first: 1) { totalCount nodes { occurredAt } } } }',
  );
  expect(customer).toEqual({ archivedEventCount: 40, events: { totalCount: 40, nodes: [{ occurredAt: '2024-03-01T10:00:39.000Z' }] } });
}, 180_000);

test('archived events are replayed into another workspace, once however often: asked for with one key, seen with the other', async () => {
  const other = { adminKey: 'ka_another_workspace_of_this_test', writeKey: 'kw_another_workspace_of_this_test' };
  const access = connect(accessApi.AccessServiceService, `127.0.0.1:${system.ports.accessGrpc}`);
  const principal = await new PrincipalSigner(system.secrets.principalSecret).service('test');
  await access.bootstrapWorkspace({ slug: 'other', name: 'Other', settings: undefined, ...other }, { principal }).finally(() => access.close());
  const { eventArchives } = await api.ask<{ eventArchives: { nodes: { id: string }[] } }>('{ eventArchives { nodes { id } } }');
  const replay = async (writeKey: string) => {
    const asked = 'mutation($id: ID!, $key: String) { replayArchive(id: $id, writeKey: $key) { ... on ArchiveRequest { id } ... on Failure { code } } }';
    return (await api.ask<{ replayArchive: { id?: string; code?: string } }>(asked, { id: eventArchives.nodes[0]?.id, key: writeKey })).replayArchive;
  };
  // Ingestion hears of a new key by itself.
  const begun = () => until(() => replay(other.writeKey), ({ code }) => code !== 'KEY_REFUSED', 30_000);
  const ended = async ({ id }: { id?: string }) => {
    const ask = () => api.ask<{ archiveRequest: object & { state: string } }>('query($id: ID!) { archiveRequest(id: $id) { kind state progress eventsTotal eventsStored eventsDuplicate eventsRejected error } }', { id });
    return (await until(ask, ({ archiveRequest: { state } }) => state === 'SUCCEEDED' || state === 'FAILED', 60_000)).archiveRequest;
  };
  const done = { kind: 'REPLAY', state: 'SUCCEEDED', progress: 1, eventsTotal: 40, eventsRejected: 0, error: null };
  expect(await ended(await begun())).toEqual({ ...done, eventsStored: 40, eventsDuplicate: 0 });

  const there = new Api(api.url, other.adminKey);
  const LOOK = '{ customer(userId: "ann") { eventCount archivedEventCount events(first: 1) { nodes { occurredAt } } } eventLedger { received stored duplicate rejected } }';
  const customer = { eventCount: 40, archivedEventCount: 0, events: { nodes: [{ occurredAt: '2024-03-01T10:00:39.000Z' }] } };
  expect(await there.ask(LOOK)).toEqual({ customer, eventLedger: { received: 40, stored: 40, duplicate: 0, rejected: 0 } });
  expect(await ended(await begun())).toEqual({ ...done, eventsStored: 0, eventsDuplicate: 40 });
  expect(await there.ask(LOOK)).toEqual({ customer, eventLedger: { received: 80, stored: 40, duplicate: 40, rejected: 0 } });
  // Neither workspace sees what is the other's.
  expect(await there.ask('{ eventArchives { totalCount } archiveRequests { totalCount } }')).toEqual({ eventArchives: { totalCount: 0 }, archiveRequests: { totalCount: 0 } });
  expect(await there.ask(`mutation { replayArchive(id: "${eventArchives.nodes[0]?.id}") { ... on Failure { code } } }`)).toEqual({ replayArchive: { code: 'ARCHIVE_UNKNOWN' } });
}, 120_000);

test('an export of a person is written to the bucket, downloaded through the gateway, and gone from both with the person', async () => {
  const done = async (mutation: string) => {
    const started = (await api.ask<Record<string, { id: string }>>(`mutation { asked: ${mutation}(person: { userId: "ann" }) { ... on PersonRequest { id } } }`))['asked'];
    const ask = () => api.ask<{ personRequest: { state: string; error: string | null; download: { url: string } | null } }>('query($id: ID!) { personRequest(id: $id) { state error download { url } } }', { id: started?.id });
    return (await until(ask, ({ personRequest: { state } }) => state === 'SUCCEEDED' || state === 'FAILED', 60_000)).personRequest;
  };
  const exported = await done('requestPersonExport');
  expect(exported).toMatchObject({ state: 'SUCCEEDED', error: null });
  const link = `http://127.0.0.1:${system.ports.gateway}${exported.download?.url}`;
  expect((await (await fetch(link)).text()).match(/"Seen"/g)).toHaveLength(40);
  expect(await done('erasePerson')).toMatchObject({ state: 'SUCCEEDED', error: null });
  expect((await fetch(link)).status).toBe(410);
  // The archive was written anew without them, and its former files, the export and the file that they came in are gone.
  expect(await files()).toEqual([expect.stringMatching(/^archives\/events-.*\.json$/), expect.stringMatching(/^archives\/events-.*\.parquet$/)]);
}, 180_000);
