import type { AuditEntriesQuery } from '../gen/graphql';

export type Entry = AuditEntriesQuery['auditEntries']['nodes'][number];

/** Which of the trail, as it is chosen; empty: any. Days as `2026-11-27`, in the time of whoever looks. */
export interface Filter {
  actor: string;
  action: string;
  from: string;
  until: string;
}

export const ANY: Filter = { actor: '', action: '', from: '', until: '' };

/** "startTrainingRun" -> "Start training run". */
export function actionInWords(action: string): string {
  const words = action.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "TrainingRun:018f0000-…" -> "TrainingRun 018f0000". */
export function targetInWords(target: string): string {
  const at = target.indexOf(':');
  return at < 0 ? target : `${target.slice(0, at)} ${target.slice(at + 1, at + 9)}`;
}

/** From the beginning of the first day to the end of the last. */
export function variablesOf({ actor, action, from, until }: Filter): { actor: string | null; action: string | null; from: string | null; to: string | null } {
  return { actor: actor || null, action: action || null, from: beginningOf(from, 0), to: beginningOf(until, 1) };
}

function beginningOf(day: string, later: number): string | null {
  const [year, month, date] = day.split('-').map(Number);
  if (year === undefined || month === undefined || date === undefined || day === '') return null;
  return new Date(year, month - 1, date + later).toISOString();
}
