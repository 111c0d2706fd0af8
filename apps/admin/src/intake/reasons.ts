/** A reason as people read it: "MISSING_USER_ID" or "missing_user_id" -> "Missing user id". */
export function reasonInWords(reason: string): string {
  const words = reason.toLowerCase().replaceAll(/[_.-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A payload as it is best read: indented where it is JSON, else as it came. */
export function readable(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}

/** "import:018f0000-…" -> "import 018f0000"; a row has its line behind it. */
export function sourceInWords(source: string): string {
  return source.replace(/^import:([0-9a-f]{8})[0-9a-f-]*/, 'import $1');
}
