import type { RetentionPolicyQuery } from '../gen/graphql';

export type Policy = RetentionPolicyQuery['retentionPolicy'];

/** The policy while it is typed; empty: never. */
export type PolicyDraft = Readonly<Record<keyof Policy, string>>;

const DAYS = /^\d{1,6}$/;

export function draftOf({ archiveAfterDays, dropAfterDays }: Policy): PolicyDraft {
  return { archiveAfterDays: String(archiveAfterDays ?? ''), dropAfterDays: String(dropAfterDays ?? '') };
}

/** Undefined where what is typed is no number of days; whether the two go together is the server's to say. */
export function policyOf({ archiveAfterDays, dropAfterDays }: PolicyDraft): Policy | undefined {
  const typed = [archiveAfterDays.trim(), dropAfterDays.trim()];
  if (!typed.every((days) => days === '' || DAYS.test(days))) return undefined;
  const [archive = null, drop = null] = typed.map((days) => (days === '' ? null : Number(days)));
  return { archiveAfterDays: archive, dropAfterDays: drop };
}

/** Events are dropped by it that were kept before. */
export function dropsMore(before: Policy, after: Policy): boolean {
  return after.dropAfterDays !== null && (before.dropAfterDays === null || after.dropAfterDays < before.dropAfterDays);
}
