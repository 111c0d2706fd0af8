import { access } from '#libs/contracts';

import { changedSettings } from './settings.mapper.js';

const present: access.WorkspaceSettings = { version: 4, clock: access.Clock.LIVE, timezone: 'UTC', currency: 'EUR', mainEvents: ['A'], valueProperty: 'price', guessed: ['clock', 'mainEvents', 'currency'] };

test('what is left out stays, null forgets, and what a person says is no guess any more', () => {
  expect(changedSettings(present, { currency: null, mainEvents: ['B'] })).toEqual({
    settings: { ...present, currency: '', mainEvents: ['B'], guessed: ['clock'] },
    expectedVersion: 4,
  });
  expect(changedSettings(present, {})).toEqual({ settings: present, expectedVersion: 4 });
  expect(changedSettings(present, { expectedVersion: 2 }).expectedVersion).toBe(2);
  // 0 is any version to access.
  expect(changedSettings(present, { expectedVersion: 0 }).expectedVersion).not.toBe(0);
});
