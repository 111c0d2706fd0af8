import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, paginateListObjectsV2, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

import { CheckedFiles, expectHash } from './checked.files.js';
import { FileCache } from './file.cache.js';
import { PassingHash } from './passing.hash.js';
import { safe } from './place.js';
import { type ArtifactArea, ArtifactError, type ArtifactStore, type StoredArtifact, type StoredFolder } from './store.js';

/** 10,000 of them at most: 160 GB a file. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
const CACHE_BYTES = 8 * 1024 * 1024 * 1024;

/**
 * A bucket, or a prefix in one: `s3://bucket/prefix`. Where it is and who may are told by the environment, as AWS's own
 * tools read it (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID …). An object is seen once all of it is there, and
 * only if there was none of that name. Libraries that want a file get one from a cache on this machine.
 */
export class S3ArtifactStore implements ArtifactStore {
  private readonly client = new S3Client({ forcePathStyle: true });
  private readonly root: string;
  private readonly bucket: string;
  private readonly prefix: string;
  private readonly checked = new CheckedFiles();
  private readonly cache: FileCache;

  constructor(url: string) {
    this.root = url.replace(/\/+$/, '');
    const { hostname, pathname } = new URL(this.root);
    this.bucket = hostname;
    this.prefix = pathname.replace(/^\/+/, '');
    const name = createHash('sha256').update(this.root).digest('hex').slice(0, 16);
    this.cache = new FileCache(join(tmpdir(), `kindred-artifacts-${name}`), CACHE_BYTES);
  }

  directory(workspaceId: string, area: ArtifactArea, id: string): Promise<string> {
    return Promise.resolve(this.uri([workspaceId, area, id].join('/')));
  }

  uri(path: string): string {
    return `${this.root}/${safe(path.split('/')).join('/')}`;
  }

  async write(
    { workspaceId, area, id, name }: { workspaceId: string; area: ArtifactArea; id: string; name: string },
    content: Readable,
    { maxBytes = Number.POSITIVE_INFINITY }: { maxBytes?: number } = {},
  ): Promise<StoredArtifact> {
    const path = safe([workspaceId, area, id, name]).join('/');
    const measured = new PassingHash(maxBytes);
    const upload = new Upload({
      client: this.client,
      params: { ...this.at(this.uri(path)), Body: measured, IfNoneMatch: '*', ChecksumAlgorithm: 'SHA256' },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    });
    try {
      // Parts of an upload that fails are removed.
      await Promise.all([pipeline(content, measured, { end: true }), upload.done()]);
    } catch (error) {
      content.destroy();
      measured.destroy();
      await upload.abort().catch(() => undefined);
      throw isThere(error) ? new ArtifactError('EXISTS', `${path} was written before and is not changed.`, { cause: error }) : error;
    }
    return { path, sha256: measured.sha256(), bytes: measured.bytes };
  }

  read(path: string): Promise<Readable> {
    return this.get(this.uri(path));
  }

  async exists(path: string): Promise<boolean> {
    return this.head(this.uri(path)).then(() => true, (error: unknown) => {
      if (error instanceof ArtifactError) return false;
      throw error;
    });
  }

  async list(workspaceId: string, area: ArtifactArea): Promise<StoredFolder[]> {
    const path = [workspaceId, area].join('/');
    const { Bucket, Key } = this.at(this.uri(path));
    const folders = new Map<string, Date>();
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.client }, { Bucket, Prefix: `${Key}/` })) {
      for (const { Key: key = '', LastModified: changedAt = new Date() } of Contents) {
        const [id = ''] = key.slice(Key.length + 1).split('/');
        folders.set(id, new Date(Math.max(changedAt.getTime(), folders.get(id)?.getTime() ?? 0)));
      }
    }
    return [...folders].map(([id, changedAt]) => ({ path: `${path}/${id}`, changedAt }));
  }

  localFile(path: string): Promise<string> {
    return this.localFileOf(this.uri(path));
  }

  async localFileOf(uri: string): Promise<string> {
    const etag = await this.head(uri);
    return this.cache.file(copyOf(uri, etag), () => this.get(uri, etag));
  }

  async checkedFile(path: string, sha256: string): Promise<string> {
    const file = await this.localFile(path);
    await this.checked.check(file, sha256, path);
    return file;
  }

  async verify(uri: string, sha256: string): Promise<void> {
    await expectHash(await this.get(uri), sha256, uri);
  }

  async remove(uri: string): Promise<void> {
    const { Bucket, Key } = this.at(uri);
    for (let token: string | undefined, isFirst = true; isFirst || token; isFirst = false) {
      const listed = await this.client.send(new ListObjectsV2Command({ Bucket, Prefix: `${Key}/`, ContinuationToken: token }));
      const found = (listed.Contents ?? []).map((object) => ({ Key: object.Key }));
      for (const object of listed.Contents ?? []) await this.cache.drop(copyOf(`${uri}${object.Key?.slice(Key.length)}`, object.ETag ?? ''));
      const objects = isFirst ? [{ Key }, ...found] : found;
      token = listed.NextContinuationToken;
      for (const some of [objects.slice(0, 1000), objects.slice(1000)].filter(({ length }) => length > 0)) {
        const { Errors } = await this.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: some, Quiet: true } }));
        if (Errors?.[0]) throw new Error(`${uri} was not removed: ${Errors[0].Code} ${Errors[0].Message}`);
      }
    }
  }

  dropCopies(since: Date): Promise<void> {
    return this.cache.dropUnused(since);
  }

  /** The entity tag of what lies there. */
  private async head(uri: string): Promise<string> {
    const place = this.at(uri);
    try {
      return (await this.client.send(new HeadObjectCommand(place))).ETag ?? '';
    } catch (error) {
      throw missing(error, uri);
    }
  }

  private async get(uri: string, etag?: string): Promise<Readable> {
    const place = this.at(uri);
    try {
      const { Body } = await this.client.send(new GetObjectCommand({ ...place, IfMatch: etag, ChecksumMode: 'ENABLED' }));
      if (!(Body instanceof Readable)) throw new Error(`${uri} came without content`);
      return Body;
    } catch (error) {
      throw missing(error, uri);
    }
  }

  /** Below the root, or a refusal: URIs come from other services' messages. */
  private at(uri: string): { Bucket: string; Key: string } {
    if (!uri.startsWith(`${this.root}/`)) throw new ArtifactError('MISSING', `${uri} lies outside the artefact store.`);
    const path = safe(uri.slice(this.root.length + 1).split('/')).join('/');
    return { Bucket: this.bucket, Key: this.prefix === '' ? path : `${this.prefix}/${path}` };
  }
}

const copyOf = (uri: string, etag: string) => `${uri} ${etag}`;
const statusOf = (error: unknown) => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);
const isThere = (error: unknown) => statusOf(error) === 412 || statusOf(error) === 409;
const missing = (error: unknown, uri: string) =>
  statusOf(error) === 404 ? new ArtifactError('MISSING', `No artefact at ${uri}.`, { cause: error }) : error;
