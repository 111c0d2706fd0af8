/** Without NUL and halves of surrogate pairs: valid in JSON, refused by Postgres. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
