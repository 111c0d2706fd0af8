import type { ExportState } from '../gen/graphql';
import type { Tone } from '../parts/figures';

export const STATES: Record<ExportState, { readonly words: string; readonly tone: Tone }> = {
  QUEUED: { words: 'waiting', tone: 'plain' },
  RUNNING: { words: 'being written', tone: 'live' },
  SUCCEEDED: { words: 'written', tone: 'good' },
  FAILED: { words: 'failed', tone: 'bad' },
  CANCELLED: { words: 'cancelled', tone: 'plain' },
};

export const isUnderWay = (state: ExportState): boolean => state === 'QUEUED' || state === 'RUNNING';
