/**
 * Questions that are the same, and come in with one turn of the event loop, are answered once: a product that asks with one key for all of its
 * users asks the same at each page view. What a turn brings lay in the sockets when it began, so no answer begins before all who are given
 * it had asked. None is kept, and each turn has a Map of its own: one that is emptied is linked to what it holds next, and old ones hold that until the
 * next full collection.
 */
export class AnswersTogether<Answer> {
  private ofThisTurn = new Map<string, Promise<Answer>>();

  answer(question: string, answer: () => Promise<Answer>): Promise<Answer> {
    const asked = this.ofThisTurn.get(question);
    if (asked) return asked;
    if (this.ofThisTurn.size === 0) setImmediate(() => (this.ofThisTurn = new Map()));
    const begun = answer();
    this.ofThisTurn.set(question, begun);
    return begun;
  }
}
