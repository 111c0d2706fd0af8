import * as fc from 'fast-check';
import { v7 as uuid } from 'uuid';

import { globalId, localId, readGlobalId } from './global-id.js';

test('an id tells its type and comes back as it went in', () => {
  const own = uuid();
  expect(localId('Segment', globalId('Segment', own))).toBe(own);
  expect(localId('Customer', globalId('Segment', own))).toBeUndefined();
});

test('whatever else is given is no id, and never an exception', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })), (text) => {
      expect(localId('Customer', text)).toBeUndefined();
      readGlobalId(text);
    }),
  );
  expect(localId('Customer', Buffer.from('Customer:1\0; drop table').toString('base64url'))).toBeUndefined();
});
