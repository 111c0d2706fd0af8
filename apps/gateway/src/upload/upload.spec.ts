import { request } from 'node:http';

import { KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ UPLOAD_MAX_BYTES: '1000000' });
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const CREATE = 'mutation($input: CreateUploadInput!) { createUpload(input: $input) { __typename ... on Upload { id url expiresAt maxBytes } ... on Failure { code message } } }';
const START = 'mutation($input: StartImportInput!) { startImport(input: $input) { __typename ... on Import { id state fileName mapping progress skipped { reason rows } } ... on Failure { code } ... on MappingInvalid { column columns } } }';

async function link(fileName = 'shop.csv') {
  const { body } = await gateway.ask(CREATE, { input: { fileName } });
  return body.data.createUpload as { id: string; url: string; expiresAt: string };
}

test('a file that is sent to the link can be imported, once, and is never overwritten', async () => {
  const upload = await link();
  expect(Date.parse(upload.expiresAt)).toBeGreaterThan(Date.now());
  const early = await gateway.ask(START, { input: { uploadId: upload.id } });
  expect(early.body.data.startImport).toEqual({ __typename: 'NotFound', code: 'UPLOAD_UNKNOWN' });

  const put = (body: string) => fetch(gateway.url + upload.url, { method: 'PUT', body, headers: { 'content-type': 'text/csv' } });
  const sent = await put('customer,time\n1,2\n');
  expect([sent.status, await sent.json()]).toMatchObject([201, { bytes: 18 }]);
  const again = await put('customer,time\n3,4\n');
  expect([again.status, await again.json()]).toMatchObject([409, { error: { code: 'EXISTS' } }]);

  const { body } = await gateway.ask(START, { input: { uploadId: upload.id, mapping: { customer: 'customer' } } });
  expect(body.data.startImport).toMatchObject({ __typename: 'Import', state: 'RUNNING', fileName: 'shop.csv', progress: 0.25, skipped: [{ reason: 'NO_CUSTOMER', rows: 2 }] });
  expect(body.data.startImport.mapping.artifact).toMatch(/^[0-9a-f-]{36}\/uploads\/[0-9a-f-]{36}\/data\.csv$/);
  const wrong = await gateway.ask(START, { input: { uploadId: upload.id, mapping: { customer: 'absent' } } });
  expect(wrong.body.data.startImport).toEqual({ __typename: 'MappingInvalid', code: 'MAPPING_INVALID', column: 'absent', columns: ['customer', 'time'] });
});

test('any body is a file, whatever it says it is', async () => {
  for (const type of ['application/json', 'application/octet-stream', undefined]) {
    const { url } = await link('events.ndjson.gz');
    const response = await fetch(gateway.url + url, { method: 'PUT', body: Buffer.from('{"not json'), ...(type ? { headers: { 'content-type': type } } : {}) });
    expect(response.status).toBe(201);
  }
});

test('a file that is too large is refused at once by its length, and while it comes without one', async () => {
  const announced = await link();
  const large = await fetch(gateway.url + announced.url, { method: 'PUT', body: Buffer.alloc(1_000_001) });
  expect(large.status).toBe(413);
  const streamed = await link();
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536));
    },
  });
  const status = await fetch(gateway.url + streamed.url, { method: 'PUT', body, duplex: 'half' } as RequestInit).then((response) => response.status, () => 'cut off');
  expect([413, 'cut off']).toContain(status);
  const { body: answer } = await gateway.ask(START, { input: { uploadId: streamed.id } });
  expect(answer.data.startImport).toEqual({ __typename: 'NotFound', code: 'UPLOAD_UNKNOWN' });
});

test('half a file is no file, and can be sent again', async () => {
  const upload = await link();
  await new Promise<void>((resolve) => {
    const half = request(gateway.url + upload.url, { method: 'PUT', headers: { 'content-length': 100 } });
    half.on('error', () => resolve());
    half.on('close', () => resolve());
    half.write('customer', () => half.destroy());
  });
  const response = await fetch(gateway.url + upload.url, { method: 'PUT', body: 'customer,time\n' });
  expect(response.status).toBe(201);
});

test('a forged, changed or foreign link takes nothing', async () => {
  const { url } = await link();
  for (const token of ['x', 'a.b.c', `${url.slice('/upload/'.length)}x`, '../../etc/passwd', encodeURIComponent('../x')]) {
    const response = await fetch(`${gateway.url}/upload/${token}`, { method: 'PUT', body: 'x' });
    expect([403, 404]).toContain(response.status);
  }
});

test.each([
  [{ fileName: 'shop.exe' }, 'FORMAT_UNKNOWN'],
  [{ fileName: '../../shop' }, 'FORMAT_UNKNOWN'],
  [{ fileName: 'shop.csv', bytes: 1_000_001 }, 'FILE_TOO_LARGE'],
])('a file like %j is refused before it is sent', async (input, code) => {
  const { body } = await gateway.ask(CREATE, { input });
  expect(body.data.createUpload).toMatchObject({ __typename: 'FileRefused', code });
});

test('only who may import gets a link', async () => {
  expect((await gateway.ask(CREATE, { input: { fileName: 'shop.csv' } }, KEYS.editor)).status).toBe(403);
});
