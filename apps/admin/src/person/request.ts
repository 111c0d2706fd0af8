import type { PersonRequestKind, PersonRequestRowFragment, PersonRequestState } from '../gen/graphql';
import type { Tone } from '../parts/figures';

export type PersonRequest = PersonRequestRowFragment;

export const KINDS: Record<PersonRequestKind, { readonly words: string; readonly done: string }> = {
  EXPORT: { words: 'Export', done: 'Written to the file' },
  ERASE: { words: 'Erasure', done: 'Removed' },
  SUPPRESS: { words: 'Suppression', done: 'Kept out from then on' },
};

export const STATES: Record<PersonRequestState, { readonly words: string; readonly tone: Tone }> = {
  QUEUED: { words: 'waiting', tone: 'live' },
  RUNNING: { words: 'being done', tone: 'live' },
  SUCCEEDED: { words: 'done', tone: 'good' },
  FAILED: { words: 'failed', tone: 'bad' },
};

export const isUnderWay = ({ state }: Pick<PersonRequest, 'state'>): boolean => state === 'QUEUED' || state === 'RUNNING';
