/** What identity promises, in memory and one event at a time: what the tests hold the real one against. */
export class IdentityModel {
  /** Kind and external id, "USER u1", in the order in which they were first seen. */
  private readonly subjects: string[] = [];
  private readonly splits: [string, string][] = [];
  readonly meetings: { from: string; into: string; customer: string; day: string; isUndone: boolean }[] = [];

  constructor(
    private readonly maxSubjects: number,
    private readonly maxMergesPerDay: number,
  ) {}

  meet(anonymousId: string, userId: string, day: string): void {
    const user = this.see(`USER ${userId}`);
    const device = this.see(`ANONYMOUS ${anonymousId}`);
    if (!this.hasUser(device)) this.join(device, user, day);
  }

  alias(previousId: string, userId: string, day: string): void {
    const user = this.see(`USER ${userId}`);
    const readings = [`ANONYMOUS ${previousId}`, `USER ${previousId}`];
    if (!readings.some((reading) => this.subjects.includes(reading))) {
      if (this.hasRoom(1, user, day)) this.join(this.see(readings[0] ?? ''), user, day);
      return;
    }
    for (const previous of readings) {
      if (!this.subjects.includes(previous) || (previous.startsWith('ANONYMOUS') && this.hasUser(previous))) continue;
      if (this.join(previous, user, day)) return;
    }
  }

  undo(index: number): void {
    const meeting = this.meetings[index];
    if (!meeting) throw new Error(`no meeting ${index}`);
    meeting.isUndone = true;
    this.splits.push([meeting.from, meeting.into]);
  }

  /** Each customer's ids, under the id of its oldest user, or of its anonymous id. */
  get customers(): Map<string, Set<string>> {
    return new Map(this.subjects.map((subject) => [this.customerOf(subject), this.treeOf(subject)]));
  }

  private see(subject: string): string {
    if (!this.subjects.includes(subject)) this.subjects.push(subject);
    return subject;
  }

  private join(from: string, into: string, day: string): boolean {
    const [ours, theirs] = [this.treeOf(from), this.treeOf(into)];
    const isSplit = this.splits.some(([one, other]) => (ours.has(one) && theirs.has(other)) || (ours.has(other) && theirs.has(one)));
    const remaining = this.hasUser(from) ? this.older(this.customerOf(from), this.customerOf(into)) : this.customerOf(into);
    if (ours.has(into) || isSplit || !this.hasRoom(ours.size, into, day, remaining)) return false;
    this.meetings.push({ from, into, customer: remaining, day, isUndone: false });
    return true;
  }

  private hasRoom(more: number, into: string, day: string, customer = this.customerOf(into)): boolean {
    const ofDay = this.meetings.filter((meeting) => meeting.customer === customer && meeting.day === day);
    return more + this.treeOf(into).size <= this.maxSubjects && ofDay.length < this.maxMergesPerDay;
  }

  private treeOf(subject: string): Set<string> {
    const tree = new Set([subject]);
    const holding = this.meetings.filter(({ isUndone }) => !isUndone);
    for (let size = 0; size < tree.size; ) {
      size = tree.size;
      for (const { from, into } of holding) if (tree.has(from) || tree.has(into)) tree.add(from).add(into);
    }
    return tree;
  }

  private hasUser(subject: string): boolean {
    return [...this.treeOf(subject)].some((held) => held.startsWith('USER'));
  }

  private customerOf(subject: string): string {
    const tree = this.treeOf(subject);
    const users = [...tree].filter((held) => held.startsWith('USER'));
    return (users.length > 0 ? users : [...tree]).reduce((one, other) => this.older(one, other));
  }

  private older(one: string, other: string): string {
    return this.subjects.indexOf(one) < this.subjects.indexOf(other) ? one : other;
  }
}
