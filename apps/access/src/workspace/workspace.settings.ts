import { access } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

/** What can be guessed, by the names that the contract's JSON form gives these fields. */
const GUESSABLE = ['clock', 'timezone', 'currency', 'mainEvents', 'valueProperty'] as const;
const MOST_MAIN_EVENTS = 50;
const LONGEST_NAME = 200;

/** Settings as they are kept; the version is counted by who stores them. */
export type Settings = Omit<access.WorkspaceSettings, 'version' | 'clock'> & { readonly clock: 'LIVE' | 'DATA' };

/** What a workspace of which nothing is known yet says: all of it guesses. */
export const UNKNOWN_SETTINGS: Settings = Object.freeze({
  clock: 'LIVE',
  timezone: 'UTC',
  currency: '',
  mainEvents: [],
  valueProperty: '',
  guessed: [...GUESSABLE],
});

/** Checks what was asked for; clock and timezone stay as they are where they are left out. */
export function settingsFrom(asked: access.WorkspaceSettings, present: Settings): Settings {
  const settings: Settings = {
    clock: asked.clock === access.Clock.UNSPECIFIED ? present.clock : asked.clock === access.Clock.DATA ? 'DATA' : 'LIVE',
    timezone: asked.timezone || present.timezone,
    currency: asked.currency,
    mainEvents: [...new Set(asked.mainEvents)],
    valueProperty: asked.valueProperty,
    guessed: [...new Set(asked.guessed.map(camelCase))],
  };
  if (!isTimezone(settings.timezone)) refuse('timezone', `"${settings.timezone}" is no timezone; give an IANA name, for example Europe/London.`);
  if (!/^([A-Z]{3})?$/.test(settings.currency)) refuse('currency', `"${settings.currency}" is no currency; give its ISO 4217 code, for example EUR.`);
  if (settings.mainEvents.length > MOST_MAIN_EVENTS) refuse('mainEvents', `There may be at most ${MOST_MAIN_EVENTS} main events.`);
  if (settings.mainEvents.some((name) => !isName(name))) refuse('mainEvents', `An event's name has 1 to ${LONGEST_NAME} characters.`);
  if (settings.valueProperty !== '' && !isName(settings.valueProperty)) refuse('valueProperty', `A property's name has at most ${LONGEST_NAME} characters.`);
  const unknown = settings.guessed.find((name) => !(GUESSABLE as readonly string[]).includes(name));
  if (unknown !== undefined) refuse('guessed', `There is no setting "${unknown}"; there are ${GUESSABLE.join(', ')}.`);
  return settings;
}

function refuse(field: string, message: string): never {
  throw RpcError.invalid(message, { reason: 'SETTINGS_INVALID', metadata: { field } });
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_NAME && !text.includes('\0');
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
