/** What an id must not be a part of, so that "u1" is not found in "u10". */
const EDGE = '[^[:alnum:]_-]';
/** Shorter ones are found in the fields of ids alone: a customer "17" is not everyone with a quantity of 17. */
const TELLING_LENGTH = 6;

/** Regular expressions that find ids in a payload as Postgres' `encode(payload, 'escape')` shows it: as they are, and as JSON writes them. */
export interface PayloadPatterns {
  /** For calls in Segment's form. */
  readonly ofCalls: string[];
  /** For lines of files and what is no call: wherever an id stands by itself. */
  readonly ofLines: string[];
}

export function payloadPatterns(ids: readonly string[]): PayloadPatterns {
  const texts = [...new Set(ids.flatMap((id) => [id, JSON.stringify(id).slice(1, -1)]))].filter((text) => text !== '');
  const alone = (text: string) => `(^|${EDGE})${literal(escaped(text))}($|${EDGE})`;
  const inField = (text: string) => `"(userId|anonymousId|previousId)"[[:space:]]*:[[:space:]]*"?${literal(escaped(text))}["},[:space:]]`;
  return { ofLines: texts.map(alone), ofCalls: [...texts.map(inField), ...texts.filter(({ length }) => length >= TELLING_LENGTH).map(alone)] };
}

/** As Postgres escapes bytes. */
function escaped(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => (byte === 0x5c ? '\\\\' : byte === 0 || byte > 0x7f ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte)))
    .join('');
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
