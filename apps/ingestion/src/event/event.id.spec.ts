import { validate, version } from 'uuid';

import { eventId } from './event.id.js';

test('ids are of version 7, begin with their time, and none comes twice', () => {
  const from = Date.now();
  const ids = Array.from({ length: 20_000 }, eventId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) {
    expect(validate(id) && version(id)).toBe(7);
    const made = Number.parseInt(id.replace('-', '').slice(0, 12), 16);
    expect(made >= from && made <= Date.now()).toBe(true);
  }
});
