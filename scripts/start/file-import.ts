import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';

import type { Api } from './graphql.ts';
import type { Progress } from './progress.ts';
import { StartError } from './system.ts';

interface Import {
  state: string;
  stage: 'READING' | 'WRITING' | null;
  progress: number | null;
  rowsStaged: number;
  rowsRead: number;
  rowsTotal: number | null;
  rowsFolded: number;
  skipped: { reason: string; rows: number }[];
  rejected: { reason: string; rows: number }[];
  eventsStored: number;
  eventsDuplicate: number;
  rowsPerSecond: number;
  remainingSeconds: number | null;
  error: string | null;
}

const STANDING = `fragment Standing on Import {
  state stage progress rowsStaged rowsRead rowsTotal rowsFolded skipped { reason rows } rejected { reason rows }
  eventsStored eventsDuplicate rowsPerSecond remainingSeconds error
}`;

/** Uploads a file, shows what its columns are taken for, imports it and reports what became of every row. */
export async function importFile(api: Api, file: string, mappingFile: string | undefined, progress: Progress, tell: (line: string) => void): Promise<Import> {
  const mapping = mappingFile === undefined ? null : await readMapping(mappingFile);
  const uploadId = await upload(api, file);
  if (mapping === null) await showGuess(api, uploadId, tell);
  const { startImport: started } = await api.ask<{ startImport: { id?: string; message?: string } }>(
    `mutation($input: StartImportInput!) { startImport(input: $input) {
      ... on Import { id } ... on Failure { message } } }`,
    { input: { uploadId, mapping } },
  );
  if (started.id === undefined) throw new StartError(started.message ?? 'The import was refused.');
  progress.begin('Importing');
  for await (const { importUpdated: now } of api.follow<{ importUpdated: Import }>(
    `subscription($id: ID!) { importUpdated(id: $id) { ...Standing } } ${STANDING}`,
    { id: started.id },
  )) {
    const what = now.stage === 'READING' ? `read ${now.rowsStaged.toLocaleString('en')} rows` : `${now.rowsRead.toLocaleString('en')} rows`;
    progress.set({ fraction: now.progress ?? 0, what, rate: now.rowsPerSecond, unit: 'rows', remainingSeconds: now.remainingSeconds });
  }
  const done = (await api.ask<{ import: Import }>(`query($id: ID!) { import(id: $id) { ...Standing } } ${STANDING}`, { id: started.id })).import;
  if (done.state !== 'SUCCEEDED') throw new StartError(done.error ?? `The import ended as ${done.state}.`);
  progress.end(`${done.eventsStored.toLocaleString('en')} events`);
  tell(report(done));
  return done;
}

function report({ rowsRead, rowsFolded, skipped, rejected, eventsStored, eventsDuplicate }: Import): string {
  const count = (rows: { rows: number }[]) => rows.reduce((sum, { rows: n }) => sum + n, 0).toLocaleString('en');
  const why = (rows: { reason: string; rows: number }[]) => (rows.length > 0 ? ` (${rows.map((row) => `${row.reason}: ${row.rows.toLocaleString('en')}`).join(', ')})` : '');
  return (
    `${rowsRead.toLocaleString('en')} rows = ${rowsFolded.toLocaleString('en')} folded into events + ${count(skipped)} skipped${why(skipped)} + ` +
    `${count(rejected)} rejected${why(rejected)}; ${eventsStored.toLocaleString('en')} events stored, ${eventsDuplicate.toLocaleString('en')} were there before`
  );
}

async function readMapping(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new StartError(`The mapping ${file} cannot be read. Is the path right?`);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StartError(`The mapping ${file} is not JSON: ${(error as Error).message}`);
  }
}

/** Answers the id that the file goes by. */
export async function upload(api: Api, file: string): Promise<string> {
  const found = await stat(file).catch(() => {
    throw new StartError(`The file ${file} cannot be read. Is the path right?`);
  });
  const { createUpload } = await api.ask<{ createUpload: { id?: string; url?: string; message?: string } }>(
    'mutation($input: CreateUploadInput!) { createUpload(input: $input) { ... on Upload { id url } ... on Failure { message } } }',
    { input: { fileName: basename(file), bytes: found.size } },
  );
  if (createUpload.id === undefined || createUpload.url === undefined) throw new StartError(createUpload.message ?? 'The file was refused.');
  const response = await fetch(new URL(createUpload.url, api.url), {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(found.size) },
    body: Readable.toWeb(createReadStream(file)),
    duplex: 'half',
  } as unknown as RequestInit);
  if (!response.ok) throw new StartError(`The file could not be uploaded: ${await response.text()}`);
  return createUpload.id;
}

interface Preview {
  mapping: unknown;
  guesses: string[];
  events: unknown[];
  rows: number;
  rowsFolded: number;
  refusals: { line: number; detail: string }[];
}
/** Of what would be refused. */
const SHOWN_REFUSALS = 3;

async function showGuess(api: Api, uploadId: string, tell: (line: string) => void): Promise<void> {
  const { previewImport } = await api.ask<{ previewImport: Preview | { message: string } }>(
    `query($input: PreviewImportInput!) { previewImport(input: $input) {
      ... on ImportPreview { mapping guesses events rows rowsFolded refusals { line detail } } ... on Failure { message } } }`,
    { input: { uploadId, mapping: null } },
  );
  if (!('mapping' in previewImport)) throw new StartError(previewImport.message);
  const { mapping, guesses, events, rows, rowsFolded, refusals } = previewImport;
  tell('No mapping was given; this one was guessed from the columns:');
  tell(JSON.stringify(mapping, null, 2));
  for (const guess of guesses) tell(`  ${guess}`);
  tell(`Of the first ${rows} rows ${rowsFolded} are read, and ${events.length} events come of them.`);
  for (const { line, detail } of refusals.slice(0, SHOWN_REFUSALS)) tell(`  Refused would be line ${line}: ${detail}`);
  if (events.length > 0) tell(`The first event would be ${JSON.stringify(events[0])}`);
}
