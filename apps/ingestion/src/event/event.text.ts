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

/** JSON of anything that came from JSON, however deep: the built-in one gives up after a few thousand levels. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return deepJson(value);
  }
}

function deepJson(root: unknown): string {
  const out: string[] = [];
  // What is still to be written, last first; texts as they are, values boxed.
  const rest: (string | { value: unknown })[] = [{ value: root }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string') {
      out.push(next);
      continue;
    }
    const { value } = next;
    if (Array.isArray(value)) {
      rest.push(']');
      for (let at = value.length - 1; at >= 0; at--) rest.push({ value: value[at] as unknown }, at > 0 ? ',' : '');
      rest.push('[');
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      rest.push('}');
      for (let at = entries.length - 1; at >= 0; at--) {
        const [key, inner] = entries[at] as [string, unknown];
        rest.push({ value: inner }, `${at > 0 ? ',' : ''}${JSON.stringify(key)}:`);
      }
      rest.push('{');
    } else out.push(JSON.stringify(value) ?? 'null');
  }
  return out.join('');
}

/** What is no JSON stays a text: the decoder refuses it with its reason and keeps it. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
