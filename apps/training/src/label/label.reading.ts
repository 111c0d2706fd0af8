import type { label } from '#libs/contracts';
import type { schema } from '#libs/database';

import { KINDS } from './label.kind.js';

/** A label as it was given, with its line in the file or its place in the list, from 1. */
export interface GivenLabel extends label.Label {
  readonly line: number;
  /** Why the line as a whole cannot be read; empty where it can. */
  readonly fault: string;
}

/** A label that can be used, if its user is known. */
export interface ReadLabel {
  readonly line: number;
  readonly userId: string;
  /** Of yes or no: 1 or 0. */
  readonly value: number;
  /** Null: as customers stand whenever a head is trained. */
  readonly asOf: Date | null;
}

/** As RFC 3339 writes times; a date alone is its midnight, and no zone is UTC. */
const TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;
const LONGEST_ID = 512;
/** Problems that are told one by one. */
const MOST_TOLD = 100;

/** Reads labels one after another, and remembers what was wrong with those that it left out. */
export class LabelReading {
  readonly problems: label.LabelProblem[] = [];
  leftOut = 0;
  private readonly lineOf = new Map<string, number>();

  constructor(
    private readonly set: Pick<schema.LabelSet, 'kind' | 'asOf'>,
    private readonly now: Date,
  ) {}

  /** Those of a batch that can be used. */
  read(given: readonly GivenLabel[]): ReadLabel[] {
    return given.flatMap((one) => {
      const { line, userId } = one;
      const value = KINDS[this.set.kind].read(one);
      const given = timeOf(one.asOf);
      const asOf = given === null ? this.set.asOf : given;
      const place = `${asOf?.getTime()} ${userId}`;
      const before = this.lineOf.get(place);
      if (one.fault !== '') return this.leaveOut(one, 'UNREADABLE', `The line cannot be read: ${one.fault}`);
      if (userId === '' || userId.length > LONGEST_ID) return this.leaveOut(one, 'USER_ID_MISSING', `The userId is ${userId === '' ? 'empty' : `longer than ${LONGEST_ID} characters`}.`);
      if (typeof value === 'string') return this.leaveOut(one, 'VALUE_INVALID', value);
      if (asOf === undefined) return this.leaveOut(one, 'TIME_INVALID', `asOf "${shortened(one.asOf)}" is no time; write it as 2026-01-31T10:00:00Z.`);
      if (asOf !== null && asOf > this.now) return this.leaveOut(one, 'TIME_AHEAD', `asOf ${one.asOf} has not come yet.`);
      if (before !== undefined) return this.leaveOut(one, 'DUPLICATE', `This user has a label as of the same time in line ${before} already.`);
      this.lineOf.set(place, line);
      return [{ line, userId, value, asOf }];
    });
  }

  /** Notes labels of users whom nobody knows; answers the others. */
  withoutUnknown(labels: readonly ReadLabel[], known: ReadonlySet<string>): ReadLabel[] {
    return labels.flatMap((one) =>
      known.has(one.userId) ? [one] : this.leaveOut(one, 'CUSTOMER_UNKNOWN', 'No event or identify call has carried this userId yet.'),
    );
  }

  private leaveOut({ line, userId }: { line: number; userId: string }, reason: string, message: string): [] {
    this.leftOut += 1;
    const told = this.problems;
    // Those of lowest line: users whom nobody knows are found after a whole batch has been read.
    if (told.length < MOST_TOLD || line < (told.at(-1)?.line ?? 0)) {
      told.push({ line, userId: shortened(userId), reason, message });
      told.sort((one, other) => one.line - other.line);
      told.splice(MOST_TOLD);
    }
    return [];
  }
}

/** Null where none is given, undefined where it cannot be read. */
function timeOf(text: string): Date | null | undefined {
  const given = text.trim();
  if (given === '') return null;
  const [, zone] = TIME.exec(given) ?? [undefined];
  if (!TIME.test(given)) return undefined;
  const time = new Date(zone !== undefined || given.length === 10 ? given.replace(' ', 'T') : `${given.replace(' ', 'T')}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

const shortened = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
