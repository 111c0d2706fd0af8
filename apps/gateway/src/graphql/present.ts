/** A field that its message may lack by type and never lacks in fact. */
export function present<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`a service left out ${name}`);
  return value;
}

/** Services say "none" with an empty text; the world says null. */
export function orNull(text: string): string | null {
  return text === '' ? null : text;
}

/** Services say "not known" with zero; the world says null. */
export function countOrNull(value: number): number | null {
  return value === 0 ? null : value;
}
