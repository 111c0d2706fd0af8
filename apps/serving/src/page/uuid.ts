import { validate } from 'uuid';

/** Never made here, so it matches nothing; in segment_sizes it counts customers unlike anything seen. */
export const NIL = '00000000-0000-0000-0000-000000000000';

/** An id to filter by: null for none given; an id that cannot be one of ours matches nothing. */
export function uuidFilter(id: string): string | null {
  if (id === '') return null;
  return validate(id) ? id : NIL;
}

/** The ids that could be ours: others are answered as unknown and never reach the database. */
export function onlyUuids(ids: readonly string[]): string[] {
  return ids.filter((id) => validate(id));
}

/** The same, each once and as the database writes it. */
export function distinctUuids(ids: readonly string[]): string[] {
  return [...new Set(onlyUuids(ids).map((id) => id.toLowerCase()))];
}
