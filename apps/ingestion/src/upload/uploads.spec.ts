import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';

import { v7 as uuid } from 'uuid';

import { ingestion, person, quarantine } from '#libs/contracts';
import { startS3Server } from '#libs/embedded';

import { ArchiveHouse } from '../testing/archive.house.js';
import { WORKSPACE } from '../testing/ingestion-under-test.js';
import { UploadRepository } from './upload.repository.js';
import { Uploads } from './uploads.js';

const { SUCCEEDED } = ingestion.ImportState;
const { STILL_REJECTED } = quarantine.ReplayOutcome;
const FREE = 'ingestion.imports (uploaded files)';
const IN_USE = 'ingestion.imports (uploaded files, when their import has ended)';
const MAPPING = { customer: { column: 'who' }, time: { column: 'when' }, event: { name: 'Seen' } };
const SECOND = 1_000;

describe.each([
  ['a folder', () => Promise.resolve({ url: undefined, close: () => Promise.resolve() })],
  ['a bucket', startS3Server],
])('in %s', (_, open: () => Promise<{ url: string | undefined; close(): Promise<void> }>) => {
  let store: Awaited<ReturnType<typeof open>>;
  let house: ArchiveHouse;
  let uploads: Uploads;
  beforeAll(async () => {
    store = await open();
    house = await ArchiveHouse.open(store.url);
    uploads = new Uploads(new UploadRepository(house.database), house.artifacts);
  }, 120_000);
  afterAll(async () => {
    await house?.close();
    await store?.close();
  });

  const upload = async (content: string) => (await house.artifacts.write({ workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: 'data.csv' }, Readable.from([content]))).path;
  const start = async (artifact: string) => (await house.kindred.imports.startImport({ artifact, fileName: 'visits.csv', mapping: JSON.stringify(MAPPING) }, house.call)).import?.id ?? '';
  async function importOf(artifact: string): Promise<string> {
    const id = await start(artifact);
    let last: ingestion.Import | undefined;
    for await (const { import: now } of house.kindred.imports.watchImport({ id }, house.call)) last = now;
    expect(last).toMatchObject({ state: SUCCEEDED, error: '' });
    return id;
  }
  async function imported(...lines: string[]): Promise<string> {
    const artifact = await upload(['who,when', ...lines, ''].join('\n'));
    await importOf(artifact);
    return artifact;
  }
  const kept = (...artifacts: string[]) => Promise.all(artifacts.map((artifact) => house.artifacts.exists(artifact)));
  const erase = async (userId: string) => {
    const { state, error, tables } = await house.askForPerson(person.PersonRequestKind.ERASE, userId);
    expect([state, error]).toEqual([person.PersonRequestState.SUCCEEDED, '']);
    return Object.fromEntries(tables.filter(({ table }) => table.startsWith('ingestion.imports')).map(({ table, rows }) => [table, rows]));
  };
  const setImport = (artifact: string, values: string) => house.kindred.sql.query(`UPDATE ingestion.imports SET ${values} WHERE artifact = $1`, [artifact]);
  const aDayAgo = () => new Date(Date.now() - 86_400 * SECOND);

  test('an erasure removes the files that the person’s events and refused rows came in, and its receipt counts them', async () => {
    const events = await imported('erin,2026-05-01', 'else,2026-05-01');
    const refused = await imported('erin,yesterday', 'else,2026-05-02');
    // Nothing of it was stored: all of it was known.
    const again = await imported('erin,2026-05-01', 'else,2026-05-01');
    const overlapping = await imported('erin,2026-05-01');
    const others = await imported('else,2026-05-03');
    expect(await erase('erin')).toEqual({ [FREE]: 4 });
    expect(await kept(events, refused, again, overlapping, others)).toEqual([false, false, false, false, true]);
    expect(await erase('erin')).toEqual({});
    await expect(start(events)).rejects.toMatchObject({ reason: 'FILE_UNKNOWN' });
  });

  test('the files of archived events are removed, too', async () => {
    const [theirs, others] = [await imported('arnold,2021-05-01'), await imported('else,2021-05-02')];
    await house.archive('2021-06-01T00:00:00Z');
    expect(await house.rowsOfMonth('2021-05')).toEqual([]);
    expect(await erase('arnold')).toEqual({ [FREE]: 1 });
    expect(await kept(theirs, others)).toEqual([false, true]);
  });

  test('a file that an import still reads is removed once that has ended, and no other import begins with it', async () => {
    const artifact = await imported('ruth,2026-05-01');
    await setImport(artifact, `state = 'RUNNING', finished_at = NULL`);
    expect(await erase('ruth')).toEqual({ [IN_USE]: 1 });
    await expect(start(artifact)).rejects.toMatchObject({ reason: 'FILE_UNKNOWN' });
    await uploads.expire(WORKSPACE, aDayAgo());
    expect(await kept(artifact)).toEqual([true]);
    await setImport(artifact, `state = 'FAILED', finished_at = now()`);
    await uploads.expire(WORKSPACE, aDayAgo());
    expect(await kept(artifact)).toEqual([false]);
  });

  test('a file is kept until its last import has ended so long ago, and refused rows are then told that it is gone', async () => {
    const artifact = await upload('who,when\nodd,yesterday\neven,2026-05-01\n');
    const [first, last] = [await importOf(artifact), await importOf(artifact)];
    const replay = async () => (await house.kindred.quarantine.replayRejectedEvents({ selection: { ids: [], reason: '', source: `import:${first}` }, first: 0, mapping: '', after: '' }, house.call)).results;
    await house.kindred.sql.query(`UPDATE ingestion.imports SET finished_at = now() - interval '2 days' WHERE id = $1`, [first]);
    await uploads.expire(WORKSPACE, aDayAgo());
    expect(await kept(artifact)).toEqual([true]);
    expect(await replay()).toMatchObject([{ outcome: STILL_REJECTED, reason: 'TIME_INVALID' }]);
    await house.kindred.sql.query(`UPDATE ingestion.imports SET finished_at = now() - interval '2 days' WHERE id = $1`, [last]);
    // As several replicas do at once.
    await Promise.all([uploads.expire(WORKSPACE, aDayAgo()), uploads.expire(WORKSPACE, aDayAgo())]);
    expect(await kept(artifact)).toEqual([false]);
    expect(await replay()).toMatchObject([{ outcome: STILL_REJECTED, reason: 'ROW_FILE_GONE' }]);
  });

  test('a file that nobody imported goes by when it came, and one whose import waits or runs stays', async () => {
    const [unused, open] = [await upload('userId,value\nu,1\n'), await imported('opal,2026-05-01')];
    await setImport(open, `state = 'RUNNING', finished_at = NULL`);
    await uploads.expire(WORKSPACE, aDayAgo());
    expect(await kept(unused, open)).toEqual([true, true]);
    await wait(SECOND);
    await uploads.expire(WORKSPACE, new Date());
    expect(await kept(unused, open)).toEqual([false, true]);
  });

  test('what is no upload stays, even where it was imported', async () => {
    const { path } = await house.artifacts.write({ workspaceId: WORKSPACE, area: 'exports', id: uuid(), name: 'data.csv' }, Readable.from(['who,when\nexpo,2026-05-01\n']));
    await importOf(path);
    await setImport(path, `finished_at = now() - interval '2 days'`);
    await uploads.expire(WORKSPACE, aDayAgo());
    expect(await erase('expo')).toEqual({});
    expect(await kept(path)).toEqual([true]);
  });
});

describe('in a service that looks after them', () => {
  let house: ArchiveHouse;
  beforeAll(async () => {
    house = await ArchiveHouse.open(undefined, { UPLOAD_TIDY_SECONDS: '0.05' });
  });
  afterAll(() => house?.close());

  test('the time of files is over after a month, if nothing else is said', async () => {
    const artifact = (await house.artifacts.write({ workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: 'data.csv' }, Readable.from(['who,when\nann,2026-05-01\n']))).path;
    const beside = (await house.artifacts.write({ workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: 'data.csv' }, Readable.from(['who,when\nann,2026-05-02\n']))).path;
    for (const [at, days] of [[artifact, 31], [beside, 29]] as const) {
      const { import: started } = await house.kindred.imports.startImport({ artifact: at, fileName: 'visits.csv', mapping: JSON.stringify(MAPPING) }, house.call);
      for await (const _told of house.kindred.imports.watchImport({ id: started?.id ?? '' }, house.call));
      await house.kindred.sql.query(`UPDATE ingestion.imports SET finished_at = now() - $2 * interval '1 day' WHERE artifact = $1`, [at, days]);
    }
    while (await house.artifacts.exists(artifact)) await wait(20);
    expect(await house.artifacts.exists(beside)).toBe(true);
  });
});
