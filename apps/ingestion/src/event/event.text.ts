import { isStorable } from '#libs/database';

const SUSPICIOUS = /\\u(?:0000|d[89a-f])/i;

/** Whether all texts in a value, of which this is the JSON, can be stored; the value is walked only where the JSON looks suspicious. */
export function isStorableJson(value: unknown, json: string): boolean {
  return !SUSPICIOUS.test(json) || hasStorableStrings(value);
}

function hasStorableStrings(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(hasStorableStrings);
  return Object.entries(value).every(([key, inner]) => isStorable(key) && hasStorableStrings(inner));
}

/** True if objects and lists lie in one another more than `limit` deep. */
export function isDeeper(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return true;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) if (isDeeper(inner, limit - 1)) return true;
  return false;
}

/** Nesting of unread JSON, so that a hostile body is refused before a parser spends memory on it. */
export function nestingOf(json: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let isString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (isString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) isString = false;
    } else if (byte === 0x22) isString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

/** What is no JSON stays a text: the decoder refuses it with its reason and keeps it. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
