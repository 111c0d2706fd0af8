import { PassThrough } from 'node:stream';

import type { worker } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import type { ScoreWorkerClient } from '../store.js';
import type { ScoredModel } from './scorer.js';

interface Waiting {
  resolve(response: worker.ScoreResponse): void;
  reject(error: unknown): void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One model's bidirectional stream to the worker's score role. It opens with the first request and again
 * after it broke; what was under way then is rejected, for whoever asked still holds the state to ask again
 * with. An answer that comes too late, or under another fence, is dropped.
 */
export class ScoreStream {
  private readonly waiting = new Map<number, Waiting>();
  private session: { outgoing: PassThrough; abort: AbortController } | undefined;
  private requests = 0;

  constructor(
    private readonly client: ScoreWorkerClient,
    private readonly model: ScoredModel,
  ) {}

  /** Rejects with RpcError: UNAVAILABLE, DEADLINE_EXCEEDED, or FAILED_PRECONDITION (reason MODEL_UNAVAILABLE). */
  score(customers: worker.CustomerScoreRequest[], deadlineMs: number): Promise<worker.ScoreResponse> {
    const session = (this.session ??= this.open());
    const requestId = ++this.requests;
    return new Promise((resolve, reject) => {
      // A stopped worker answers nothing at all: the stream is then given up with everything on it.
      const timer = setTimeout(() => this.fail(session, tooLate(deadlineMs)), deadlineMs);
      this.waiting.set(requestId, { resolve, reject, timer });
      session.outgoing.write({
        requestId,
        modelUri: this.model.uri,
        modelHash: this.model.hash,
        fence: this.model.fence,
        customers,
        deadline: (Date.now() + deadlineMs) * 1_000,
      } satisfies worker.ScoreRequest);
    });
  }

  close(): void {
    if (this.session) this.fail(this.session, new RpcError(status.CANCELLED, 'Scoring under this model ended.', { reason: 'CANCELLED' }));
  }

  private open() {
    const session = { outgoing: new PassThrough({ objectMode: true }), abort: new AbortController() };
    const answers = this.client.score(session.outgoing as AsyncIterable<worker.ScoreRequest>, { signal: session.abort.signal });
    this.receive(answers).then(
      () => this.fail(session, new RpcError(status.UNAVAILABLE, 'The worker ended the stream of scores.', { reason: 'WORKER_AWAY' })),
      (error: unknown) => this.fail(session, error),
    );
    return session;
  }

  private async receive(answers: AsyncIterable<worker.ScoreResponse>): Promise<void> {
    for await (const response of answers) {
      const asked = this.waiting.get(response.requestId);
      if (!asked || response.fence !== this.model.fence || response.modelHash !== this.model.hash) continue;
      this.waiting.delete(response.requestId);
      clearTimeout(asked.timer);
      asked.resolve(response);
    }
  }

  private fail(session: NonNullable<typeof this.session>, error: unknown): void {
    if (this.session !== session) return;
    this.session = undefined;
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.waiting.clear();
    session.outgoing.end();
    session.abort.abort();
  }
}

function tooLate(deadlineMs: number): RpcError {
  return new RpcError(status.DEADLINE_EXCEEDED, `The worker did not answer within ${deadlineMs} ms.`, { reason: 'WORKER_AWAY' });
}
