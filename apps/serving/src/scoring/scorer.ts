import type { worker } from '#libs/contracts';

/** The model whose states are scored, and the fence under which its answers count. */
export interface ScoredModel {
  readonly modelId: string;
  readonly uri: string;
  readonly hash: string;
  readonly fence: number;
}

/** One result for each customer, and what their forecasts are of. */
export type Scored = Pick<worker.ScoreResponse, 'customers' | 'foreseen'>;

/**
 * What one model makes of customers, their states and their new events: at the other end of a stream, or in
 * this process. It keeps nothing of them; whoever asks has the states, and what becomes of the answers.
 */
export interface Scorer {
  /** Rejects with RpcError where nobody can be scored now. */
  score(customers: worker.CustomerScoreRequest[]): Promise<Scored>;
  /** What is under way is rejected. */
  close(): void;
}

export type OpenScorer = (model: ScoredModel) => Scorer;
