/** One attempt at a row; the fence tells it from a later one. */
export interface Attempt {
  readonly workspaceId: string;
  readonly id: string;
  readonly fence: number;
}

/** A later attempt has the row, or it has ended: this one may not write any more. */
export class StaleAttempt extends Error {}

export const isEnded = (state: string): boolean => state !== 'QUEUED' && state !== 'RUNNING';
