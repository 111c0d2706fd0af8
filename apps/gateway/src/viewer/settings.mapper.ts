import type { access } from '#libs/contracts';

import type { UpdateWorkspaceSettingsInput } from '../gen/resolvers.js';

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
    expectedVersion: input.expectedVersion ?? present.version,
  };
}
