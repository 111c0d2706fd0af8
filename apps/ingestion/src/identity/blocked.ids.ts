/**
 * Values that senders put where they know no id: many people would become one customer by them. Compared without
 * blanks around them and in small letters; a workspace adds values of its own and lets single ones through.
 */
export const BLOCKED_EVERYWHERE: readonly string[] = [
  '', 'null', '(null)', 'nil', 'none', 'undefined', 'unknown', 'anonymous', 'guest', 'n/a', 'nan', 'true', 'false', '0', '-1',
  '[object object]', '00000000-0000-0000-0000-000000000000',
];
const everywhere = new Set(BLOCKED_EVERYWHERE);
/** Of whatever length, as Segment's own tools have it. */
const ZEROS = /^[0-]+$/;

/** What a workspace says of single values: true blocks one, false lets it through. */
export type BlockedIds = Readonly<Record<string, boolean>>;

/** The form in which ids are compared with blocked values. */
export function plainId(id: string): string {
  return id.trim().toLowerCase();
}

/** Whether a value, in the form in which it is compared, names nobody in any workspace that does not let it through. */
export function isBlockedEverywhere(value: string): boolean {
  return everywhere.has(value) || ZEROS.test(value);
}

/** Whether an id names nobody. */
export function isBlocked(id: string, own: BlockedIds): boolean {
  const value = plainId(id);
  return Object.hasOwn(own, value) ? own[value] === true : isBlockedEverywhere(value);
}
