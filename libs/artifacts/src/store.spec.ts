import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

import { startS3Server } from '#libs/embedded';

import { openArtifactStore } from './index.js';
import type { ArtifactArea, ArtifactStore } from './store.js';

const MIB = 1024 * 1024;
const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');
/** In pieces that fit no part. */
function* piecesOf(content: Buffer): Generator<Buffer> {
  for (let from = 0; from < content.length; from += 700_001) yield content.subarray(from, from + 700_001);
}

/** Every store keeps the same promises. `spoil` writes past the store, as who has the disk or the bucket could. */
interface Kind {
  readonly open: () => Promise<{ store: ArtifactStore; root: string; spoil(uri: string, content: string): Promise<void>; close(): Promise<void> }>;
}
const KINDS: Readonly<Record<string, Kind>> = {
  'a folder': {
    open: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'kindred-store-'));
      const root = pathToFileURL(folder).href;
      return {
        store: openArtifactStore(root), root, spoil: (uri, content) => writeFile(fileURLToPath(uri), content), close: () => rm(folder, { recursive: true }),
      };
    },
  },
  'a bucket': {
    open: async () => {
      const server = await startS3Server();
      const client = new S3Client({ forcePathStyle: true });
      const spoil = async (uri: string, content: string) => {
        const { hostname: Bucket, pathname } = new URL(uri);
        await client.send(new PutObjectCommand({ Bucket, Key: pathname.slice(1), Body: content }));
      };
      return { store: openArtifactStore(server.url), root: server.url, spoil, close: () => server.close() };
    },
  },
};

describe.each(Object.keys(KINDS))('%s', (kind) => {
  let opened: Awaited<ReturnType<Kind['open']>>;
  let store: ArtifactStore;
  beforeAll(async () => {
    opened = await (KINDS[kind] as Kind).open();
    store = opened.store;
  }, 120_000);
  afterAll(() => opened?.close());

  const workspaceId = randomUUID();
  const place = (name = 'file.bin', id = randomUUID()) => ({ workspaceId, area: 'exports', id, name }) as const;
  const write = (content: Buffer, at = place()) => store.write(at, Readable.from(piecesOf(content)));

  test('what is written is read back, by stream, as a file and by its URI, with the hash it was told to have', async () => {
    const content = randomBytes(5 * MIB);
    const stored = await write(content);
    expect(stored).toEqual({ path: expect.stringMatching(`^${workspaceId}/exports/[^/]+/file.bin$`), sha256: sha256Of(content), bytes: content.length });
    expect((await buffer(await store.read(stored.path))).equals(content)).toBe(true);
    expect((await readFile(await store.localFile(stored.path))).equals(content)).toBe(true);
    expect(store.uri(stored.path)).toBe(`${opened.root}/${stored.path}`);
    expect((await readFile(await store.localFileOf(store.uri(stored.path)))).equals(content)).toBe(true);
    expect((await readFile(await store.checkedFile(stored.path, stored.sha256))).equals(content)).toBe(true);
    await store.verify(store.uri(stored.path), stored.sha256);
    expect(await store.exists(stored.path)).toBe(true);
  });

  test('a file of several parts, and one of nothing, come back as they were', async () => {
    for (const content of [randomBytes(40 * MIB + 3), Buffer.alloc(0)]) {
      const stored = await write(content);
      expect(stored).toMatchObject({ sha256: sha256Of(content), bytes: content.length });
      expect((await buffer(await store.read(stored.path))).equals(content)).toBe(true);
    }
  });

  test('nothing is written twice: of many writers at once one wins, and the others are told', async () => {
    const at = place();
    const contents = Array.from({ length: 4 }, () => randomBytes(1000));
    const outcomes = await Promise.allSettled(contents.map((content) => write(content, at)));
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ reason: 'EXISTS' });
    await store.verify(store.uri(won[0]?.path ?? ''), won[0]?.sha256 ?? '');
    await expect(write(randomBytes(20 * MIB), at)).rejects.toMatchObject({ reason: 'EXISTS' });
  });

  test('a write that fails, by its source or by its size, leaves nothing that is seen', async () => {
    const torn = place();
    const source = Readable.from((function* () {
      yield* piecesOf(randomBytes(20 * MIB));
      throw new Error('the source broke');
    })());
    await expect(store.write(torn, source)).rejects.toThrow('the source broke');
    const large = place();
    await expect(store.write(large, Readable.from(piecesOf(randomBytes(20 * MIB))), { maxBytes: 18 * MIB })).rejects.toMatchObject({ reason: 'TOO_LARGE' });
    for (const { id, name } of [torn, large]) expect(await store.exists(`${workspaceId}/exports/${id}/${name}`)).toBe(false);
    // The place is free still.
    await write(Buffer.from('whole'), torn);
  });

  test('content that is not what was written is refused, also when it changed after it had been checked', async () => {
    const stored = await write(Buffer.from('as it was'));
    await store.checkedFile(stored.path, stored.sha256);
    await opened.spoil(store.uri(stored.path), 'as it is not');
    await expect(store.checkedFile(stored.path, stored.sha256)).rejects.toMatchObject({ reason: 'HASH_MISMATCH' });
    await expect(store.verify(store.uri(stored.path), stored.sha256)).rejects.toMatchObject({ reason: 'HASH_MISMATCH' });
  });

  test('what is not there is told as missing, and so is what lies outside of the store', async () => {
    const nowhere = `${workspaceId}/exports/${randomUUID()}/file.bin`;
    const missing = { reason: 'MISSING' };
    await expect(store.read(nowhere)).rejects.toMatchObject(missing);
    await expect(store.localFile(nowhere)).rejects.toMatchObject(missing);
    await expect(store.checkedFile(nowhere, '00')).rejects.toMatchObject(missing);
    await expect(store.verify(store.uri(nowhere), '00')).rejects.toMatchObject(missing);
    expect(await store.exists(nowhere)).toBe(false);
    for (const uri of ['file:///etc/passwd', 's3://another/file', `${opened.root}/../x`, `${opened.root}x/y`]) {
      await expect(store.localFileOf(uri)).rejects.toMatchObject(missing);
      await expect(store.remove(uri)).rejects.toMatchObject(missing);
    }
    for (const name of ['../x', '.hidden', 'a/b', '']) await expect(write(Buffer.from('x'), place(name))).rejects.toMatchObject(missing);
  });

  test('a copy on this machine goes with what it is of, and when nobody has asked for it', async () => {
    const [removed, unused] = [await write(Buffer.from('removed')), await write(Buffer.from('unused'))];
    const [first, second] = [await store.localFile(removed.path), await store.localFile(unused.path)];
    await store.remove(store.uri(dirname(removed.path)));
    expect([existsSync(first), existsSync(second)]).toEqual([false, true]);
    await store.dropCopies(new Date(Date.now() - 60_000));
    expect(existsSync(second)).toBe(true);
    await store.dropCopies(new Date(Date.now() + 60_000));
    // What is no copy stays.
    expect(existsSync(second)).toBe(kind === 'a folder');
    expect((await readFile(await store.localFile(unused.path))).toString()).toBe('unused');
  });

  test('what lies in an area is listed by id, with when something last came in, and nothing of another', async () => {
    const [workspace, began] = [randomUUID(), Date.now()];
    const at = (id: string, name: string, area: ArtifactArea = 'uploads') => ({ workspaceId: workspace, area, id, name });
    expect(await store.list(workspace, 'uploads')).toEqual([]);
    const [one, two] = [randomUUID(), randomUUID()];
    for (const place of [at(one, 'a'), at(one, 'b'), at(two, 'a'), at(randomUUID(), 'a', 'exports')]) await store.write(place, Readable.from(['x']));
    const listed = await store.list(workspace, 'uploads');
    expect(listed.map(({ path }) => path).sort()).toEqual([one, two].sort().map((id) => `${workspace}/uploads/${id}`));
    // Stores tell whole seconds.
    for (const { changedAt } of listed) expect(Math.abs(changedAt.getTime() - began)).toBeLessThan(60_000);
    await store.remove(store.uri(`${workspace}/uploads/${one}`));
    expect((await store.list(workspace, 'uploads')).map(({ path }) => path)).toEqual([`${workspace}/uploads/${two}`]);
  });

  test('a folder is removed with all that lies in it and nothing beside it, once more without complaint', async () => {
    const [id, beside] = [randomUUID(), randomUUID()];
    const names = ['a', 'b', 'c'];
    for (const name of names) await write(Buffer.from(name), place(name, id));
    // A name that begins the same is another one.
    const kept = await write(Buffer.from('kept'), place('a', `${id}-too`));
    const other = await write(Buffer.from('kept'), place('a', beside));
    expect(await store.directory(workspaceId, 'exports', id)).toBe(`${opened.root}/${workspaceId}/exports/${id}`);
    const folder = store.uri(`${workspaceId}/exports/${id}`);
    await store.remove(folder);
    await store.remove(folder);
    expect(await Promise.all(names.map((name) => store.exists(`${workspaceId}/exports/${id}/${name}`)))).toEqual([false, false, false]);
    expect(await Promise.all([kept, other].map(({ path }) => store.exists(path)))).toEqual([true, true]);
    await store.remove(store.uri(kept.path));
    expect(await store.exists(kept.path)).toBe(false);
  });
});

test('a store of another kind is refused by name', () => {
  expect(() => openArtifactStore('ftp://host/folder')).toThrow('ftp:');
});
