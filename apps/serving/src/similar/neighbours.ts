import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Found, Search } from './neighbour.space.js';

export interface Question {
  readonly number: number;
  readonly kind: 'open' | 'put' | 'drop' | 'nearest' | 'ids' | 'settle' | 'close';
  readonly space: string;
  readonly ids?: readonly string[];
  /** (n, width), float32. */
  readonly vectors?: Float32Array<ArrayBuffer>;
  /** Of groups of these vectors, one after the other. */
  readonly sizes?: readonly number[];
  readonly width?: number;
  readonly exactUpTo?: number;
  readonly count?: number;
}

export type Held = Search & { readonly bytes: number };

export interface Answer {
  readonly number: number;
  readonly result?: Found | Held | readonly string[] | undefined;
  readonly error?: string;
}

interface Waiting {
  resolve(result: Answer['result']): void;
  reject(error: Error): void;
}

/** Spaces of neighbours, in a thread of their own that begins with the first. When it ends, nothing that it held is there any more. */
@Injectable()
export class Neighbours implements OnModuleDestroy {
  private readonly waiting = new Map<number, Waiting>();
  private thread: Worker | undefined;
  private asked = 0;
  private whenEnded: () => void = () => undefined;

  onEnded(ended: () => void): void {
    this.whenEnded = ended;
  }

  async onModuleDestroy(): Promise<void> {
    await this.thread?.terminate();
  }

  open(space: string, width: number, exactUpTo: number): Promise<unknown> {
    return this.ask({ kind: 'open', space, width, exactUpTo });
  }

  put(space: string, ids: readonly string[], vectors: Float32Array<ArrayBuffer>): Promise<Held> {
    return this.ask({ kind: 'put', space, ids, vectors }) as Promise<Held>;
  }

  drop(space: string, ids: readonly string[]): Promise<Held> {
    return this.ask({ kind: 'drop', space, ids }) as Promise<Held>;
  }

  /** To any of each group of the vectors; `sizes` says how many of them, one after the other, are a group. */
  nearest(space: string, vectors: Float32Array<ArrayBuffer>, sizes: readonly number[], count: number): Promise<Found> {
    return this.ask({ kind: 'nearest', space, vectors, sizes, count }) as Promise<Found>;
  }

  ids(space: string): Promise<readonly string[]> {
    return this.ask({ kind: 'ids', space }) as Promise<readonly string[]>;
  }

  /** Begins to build an index, where there is need of one. */
  settle(space: string): Promise<Held> {
    return this.ask({ kind: 'settle', space }) as Promise<Held>;
  }

  close(space: string): Promise<unknown> {
    return this.ask({ kind: 'close', space });
  }

  private ask(question: Omit<Question, 'number'>): Promise<Answer['result']> {
    const thread = (this.thread ??= this.begin());
    const number = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      thread.postMessage({ ...question, number } satisfies Question, question.vectors ? [question.vectors.buffer] : []);
    });
  }

  private begin(): Worker {
    // Beside this file, and in the form in which this one runs.
    const thread = new Worker(new URL(`./neighbour.thread${extname(import.meta.url)}`, import.meta.url));
    // Whoever holds up the process holds it by what is asked, not by the thread.
    thread.unref();
    thread.on('message', ({ number, result, error }: Answer) => {
      const asked = this.waiting.get(number);
      this.waiting.delete(number);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(error));
    });
    thread.on('error', (error) => this.end(thread, error));
    thread.on('exit', () => this.end(thread, new Error('the thread of neighbours ended')));
    return thread;
  }

  private end(thread: Worker, error: unknown): void {
    if (this.thread !== thread) return;
    this.thread = undefined;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of waiting) reject(error instanceof Error ? error : new Error(String(error)));
    this.whenEnded();
  }
}
