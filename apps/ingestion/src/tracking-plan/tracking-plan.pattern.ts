import { RE2JS } from 're2js';

export const MOST_PATTERNS = 20;
const MAX_PATTERN = 256;
/** Instructions of the compiled pattern; a counted repetition has as many as it counts. */
const MAX_PROGRAM = 250;
/** A longer text matches no pattern. */
const MAX_TEXT = 1_000;

/**
 * JSON Schema's patterns by RE2, whose time is linear in the text whatever the pattern: no look-around and no back
 * references. Throws an error for a person.
 */
export function compilePattern(pattern: string): { test: (text: string) => boolean; toString: () => string } {
  if (pattern.length > MAX_PATTERN) throw new Error(`A pattern has at most ${MAX_PATTERN} characters; this one has ${pattern.length}.`);
  const compiled = parse(pattern);
  const size = compiled.programSize();
  if (size > MAX_PROGRAM) throw new Error(`The pattern "${pattern}" is too large (${size} steps; ${MAX_PROGRAM} are allowed). Repeat less often, and use maxLength for lengths.`);
  // ajv tells patterns apart by their text.
  return { test: (text) => text.length <= MAX_TEXT && compiled.test(text), toString: () => pattern };
}

function parse(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new Error(`The pattern "${pattern}" is none of RE2, which knows no look-around and no back references: ${(error as Error).message}.`, { cause: error });
  }
}
