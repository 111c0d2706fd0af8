import { AnswersTogether } from './answers.together.js';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Answers a question with how many answers to whatever question had begun. */
function counted() {
  const together = new AnswersTogether<number>();
  const begun: { question: string; end: () => void }[] = [];
  const ask = (question: string) => together.answer(question, () => new Promise((resolve) => {
    const number = begun.push({ question, end: () => resolve(number) });
  }));
  return { ask, begun };
}

test('the same question, asked in one moment, is answered once; another one has an answer of its own', async () => {
  const { ask, begun } = counted();
  const answers = Promise.all([ask('one'), ask('other'), ask('one')]);
  await nextTurn();
  expect(begun.map(({ question }) => question)).toEqual(['one', 'other']);
  for (const { end } of begun) end();
  expect(await answers).toEqual([1, 2, 1]);
});

test('no answer that began before is given to who asks then, and none is kept', async () => {
  const { ask, begun } = counted();
  const first = ask('one');
  await nextTurn();
  const later = Promise.all([ask('one'), ask('one')]);
  await nextTurn();
  expect(begun).toHaveLength(1);
  begun[0]?.end();
  expect(await first).toBe(1);
  await nextTurn();
  begun[1]?.end();
  expect(await later).toEqual([2, 2]);
  const last = ask('one');
  await nextTurn();
  begun[2]?.end();
  expect(await last).toBe(3);
});

test('a failure is told to all who asked, and to nobody after them', async () => {
  const together = new AnswersTogether<string>();
  const fail = () => Promise.reject(new Error('away'));
  const told = await Promise.allSettled([together.answer('one', fail), together.answer('one', fail)]);
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await together.answer('one', () => Promise.resolve('here'))).toBe('here');
});

test('a question of any length is answered', async () => {
  const together = new AnswersTogether<string>();
  expect(await together.answer('?'.repeat(2_000_000), () => Promise.resolve('here'))).toBe('here');
});
