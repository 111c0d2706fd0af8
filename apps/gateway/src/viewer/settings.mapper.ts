import type { access } from '#libs/contracts';

import type { UpdateWorkspaceSettingsInput } from '../gen/resolvers.js';

const NO_VERSION = 2 ** 32 - 1;

type Setting = 'clock' | 'timezone' | 'currency' | 'mainEvents' | 'valueProperty';

/** The present settings with what was given changed; what a person says is not a guess any more. */
export function changedSettings(present: access.WorkspaceSettings, input: UpdateWorkspaceSettingsInput): access.UpdateWorkspaceSettingsRequest {
  const said = (['clock', 'timezone', 'currency', 'mainEvents', 'valueProperty'] satisfies Setting[]).filter((name) => input[name] !== undefined);
  return {
    settings: {
      version: present.version,
      clock: input.clock ?? present.clock,
      timezone: input.timezone ?? present.timezone,
      currency: input.currency === undefined ? present.currency : (input.currency ?? ''),
      mainEvents: input.mainEvents ? [...input.mainEvents] : present.mainEvents,
      valueProperty: input.valueProperty === undefined ? present.valueProperty : (input.valueProperty ?? ''),
      guessed: present.guessed.filter((name) => !(said as string[]).includes(name)),
    },
    // Versions count from 1, and a 0 would say that any is good: such a version has passed.
    expectedVersion: input.expectedVersion === 0 ? NO_VERSION : (input.expectedVersion ?? present.version),
  };
}
