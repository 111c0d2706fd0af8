import { readFile } from 'node:fs/promises';

import { ROW_REASONS } from '../import/import.query.js';
import { REPLAY_REASONS } from '../import/import.rows.js';
import { REJECTION_REASONS } from './event.js';

/** The codes in the first column of a page's table that begins so. */
async function codes(page: string, title: string): Promise<string[]> {
  const [, table = ''] = (await readFile(`docs/api/${page}.md`, 'utf8')).split(`\n${title}\n`);
  const rows = table.split('\n').slice(1);
  const end = rows.findIndex((row) => !row.startsWith('|'));
  return rows.slice(0, end).flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code)).sort();
}

test('each reason that an event is refused for is told in the docs with what to do, and no other', async () => {
  expect(await codes('intake', '| reason | what is wrong | what to do |')).toEqual([...REJECTION_REASONS].sort());
});

test('so is each reason of a row of a file', async () => {
  expect(await codes('mapping', "| a row's reason | what to do |")).toEqual([...ROW_REASONS].sort());
  expect(await codes('intake', '| a row | |')).toEqual([...REPLAY_REASONS].sort());
});
