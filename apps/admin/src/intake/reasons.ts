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
