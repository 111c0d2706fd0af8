import type { Clock, SettingsPartFragment, UpdateWorkspaceSettingsInput } from '../gen/graphql';

/** Settings as they are typed. */
export interface SettingsDraft {
  clock: Clock;
  timezone: string;
  currency: string;
  mainEvents: string;
  valueProperty: string;
}

export function draftOf({ clock, timezone, currency, mainEvents, valueProperty }: SettingsPartFragment): SettingsDraft {
  return { clock, timezone, currency: currency ?? '', mainEvents: mainEvents.join(', '), valueProperty: valueProperty ?? '' };
}

/** All of them: whoever saves has seen them, so that none is a guess from then on. */
export function inputOf(draft: SettingsDraft, version: number): UpdateWorkspaceSettingsInput {
  const mainEvents = draft.mainEvents.split(',').map((name) => name.trim()).filter((name) => name !== '');
  return {
    expectedVersion: version,
    clock: draft.clock,
    timezone: draft.timezone.trim(),
    currency: draft.currency.trim().toUpperCase() || null,
    mainEvents: [...new Set(mainEvents)],
    valueProperty: draft.valueProperty.trim() || null,
  };
}

/** Main events that were asked for and the served model does not go by: it is older than the wish, or no event is named so. */
export function passedOver(asked: readonly string[], profile: { mainEvents: readonly string[] } | null | undefined): string[] {
  return profile ? asked.filter((name) => !profile.mainEvents.includes(name)) : [];
}

/** A share in percent, as typed, of 0..1; nothing where that is no number. */
export function shareOf(percent: string): number | undefined {
  const value = Number(percent.replace('%', '').trim().replace(',', '.'));
  // 99.9 / 100 is 0.9990000000000001, which is not what was typed.
  return percent.trim() === '' || !Number.isFinite(value) ? undefined : Number((value / 100).toFixed(8));
}
