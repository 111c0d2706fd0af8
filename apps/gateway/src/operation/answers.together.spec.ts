import { AnswersTogether } from './answers.together.js';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Each answer is the number of answers that had begun by then, itself included; a test ends them. */
function counted() {
  const together = new AnswersTogether<number>();
  const begun: { question: string; end: () => void }[] = [];
  const ask = (question: string) => together.answer(question, () => new Promise((resolve) => {
    const number = begun.push({ question, end: () => resolve(number) });
  }));
  return { ask, begun };
}

test('what is asked in one turn, and is the same, is answered once, and at once', async () => {
  const { ask, begun } = counted();
  const answers = [ask('one'), ask('other'), ask('one')];
  expect(begun.map(({ question }) => question)).toEqual(['one', 'other']);
  for (const { end } of begun) end();
  expect(await Promise.all(answers)).toEqual([1, 2, 1]);
});

test('who asks in a later turn is given an answer that begins then, though the first is under way', async () => {
  const { ask, begun } = counted();
  const first = ask('one');
  await nextTurn();
  const second = ask('one');
  begun[1]?.end();
  expect(await second).toBe(2);
  begun[0]?.end();
  expect(await first).toBe(1);
});

test('a failure is told to those who asked, and to nobody after them', async () => {
  const together = new AnswersTogether<string>();
  const fail = () => Promise.reject(new Error('away'));
  const told = await Promise.allSettled([together.answer('one', fail), together.answer('one', fail)]);
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await nextTurn();
  expect(await together.answer('one', () => Promise.resolve('here'))).toBe('here');
});
