import { PassThrough } from 'node:stream';

import { jest } from '@jest/globals';

import { Progress } from './progress.ts';

const out = (isTTY: boolean) => Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, cursorTo: () => true, clearLine: () => true });
const pass = (seconds: number) => jest.advanceTimersByTime(seconds * 1_000);

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('progress where no terminal is', () => {
  let told = out(false);
  let progress = new Progress(told);
  const lines = () => String(told.read() ?? '').split('\n').slice(0, -1);
  beforeEach(() => {
    told = out(false);
    progress = new Progress(told);
    progress.begin('Learning behaviour');
  });

  it('is told again only when there is something new to say', () => {
    for (let seconds = 0; seconds < 60; seconds += 5) {
      progress.set({ fraction: 0.25, what: 'waiting for its turn' });
      pass(5);
    }
    expect(lines()).toEqual(['  Learning behaviour            25%  waiting for its turn']);
    progress.set({ fraction: 0.5, what: 'epoch 1 of 2', rate: 1_200, unit: 'events', remainingSeconds: 30 });
    expect(lines()).toEqual(['  Learning behaviour            50%  epoch 1 of 2 · 1,200 events/s · 30 s left']);
  });

  it('is told every few seconds at most, as it stands then', () => {
    for (let row = 1; row <= 60; row++) {
      progress.set({ fraction: row / 100, what: `row ${row}` });
      pass(0.1);
    }
    pass(5);
    expect(lines().map((line) => line.split('%  ')[1])).toEqual(['row 1', 'row 50', 'row 60']);
    pass(60);
    expect(lines()).toEqual([]);
  });

  it('ends at once', () => {
    progress.set({ fraction: 0.1, what: 'row 1' });
    progress.set({ fraction: 0.2, what: 'row 2' });
    pass(2);
    progress.end('all rows');
    pass(60);
    expect(lines().map((line) => line.split('%  ')[1])).toEqual(['row 1', 'all rows in 2.0 s']);
  });
});

it('in a terminal a bar moves', () => {
  const terminal = out(true);
  const progress = new Progress(terminal);
  progress.begin('Importing');
  progress.set({ fraction: 0.5, what: 'half' });
  pass(1);
  progress.end('all rows');
  expect(terminal.read()).toMatch(/ 50%  half.* 100%  all rows in 1\.0 s/s);
});
