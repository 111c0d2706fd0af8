/** An id that events carry. */
export interface ForestSubject {
  readonly id: string;
  readonly kind: 'USER' | 'ANONYMOUS';
}

/** A meeting of two ids that holds. */
export interface Meeting {
  readonly id: string;
  readonly from: string;
  readonly into: string;
}

/** A customer: the ids that meetings hold together, and the one of them whose id it bears. */
export interface Tree {
  readonly customerId: string;
  readonly subjects: readonly ForestSubject[];
}

/** The customers that these subjects are by these meetings, whatever the order of either. */
export function treesOf(subjects: readonly ForestSubject[], meetings: readonly Meeting[]): Tree[] {
  const neighbours = new Map<string, string[]>(subjects.map(({ id }) => [id, []]));
  for (const { from, into } of meetings) {
    neighbours.get(from)?.push(into);
    neighbours.get(into)?.push(from);
  }
  const left = new Map(subjects.map((subject) => [subject.id, subject]));
  const trees: Tree[] = [];
  for (const { id } of subjects) {
    const found: ForestSubject[] = [];
    for (const open = [id]; open.length > 0; ) {
      const next = open.pop() ?? '';
      const subject = left.get(next);
      if (!subject) continue;
      left.delete(next);
      found.push(subject);
      open.push(...(neighbours.get(next) ?? []));
    }
    if (found.length > 0) trees.push({ customerId: founderOf(found), subjects: found });
  }
  return trees;
}

/** The oldest user; without one, the oldest anonymous id. Ids are of version 7 and compare as their bytes do. */
function founderOf(subjects: readonly ForestSubject[]): string {
  const users = subjects.filter(({ kind }) => kind === 'USER');
  return (users.length > 0 ? users : subjects).map(({ id }) => id).sort()[0] ?? '';
}
