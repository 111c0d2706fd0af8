import { ArtifactError } from '#libs/artifacts';
import { RpcError, status } from '#libs/grpc';

/** Whom a step was talking to when it failed. */
export type Peer = 'ingestion' | 'worker' | 'serving';

/** What a peer's call or stream ended with. */
export class PeerFailure extends Error {
  constructor(
    readonly peer: Peer,
    readonly error: RpcError,
  ) {
    super(error.message, { cause: error });
    this.name = 'PeerFailure';
  }
}

/** Why a run ended without a model: RunError's code, and a message that ends in the remedy. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/**
 * What to do about an error. `ABSENT`: the peer is away, so wait for it; `AGAIN`: it may go well another time;
 * `END`: another attempt would end the same way.
 */
export type Judgement = ({ kind: 'ABSENT'; peer: Peer } | { kind: 'AGAIN' } | { kind: 'END' }) & Failure;

const NAME: Record<Peer, string> = { ingestion: 'the ingestion service', worker: 'the training worker', serving: 'the serving service' };
const NO_SPACE: Failure = {
  code: 'NO_SPACE',
  message: 'The artefact store is full. Free some space and start a new run; the model that is served is not affected.',
};
export const NO_MEMORY: Failure = {
  code: 'NO_MEMORY',
  message: 'The training worker ran out of memory. Give it more, or train on a share of the customers (sampleFraction), and start a new run.',
};

export function judge(error: unknown): Judgement {
  if (error instanceof PeerFailure) return judgePeer(error.peer, error.error);
  if (error instanceof ArtifactError) return judgeArtifact(error);
  if (codeOf(error) === 'ENOSPC') return { kind: 'END', ...NO_SPACE };
  return { kind: 'AGAIN', code: 'INTERNAL', message: 'The training service failed unexpectedly; its log says more. Start a new run.' };
}

function judgePeer(peer: Peer, error: RpcError): Judgement {
  const said = sentence(error.message);
  switch (error.status) {
    case status.UNAVAILABLE:
    case status.CANCELLED:
    case status.DEADLINE_EXCEEDED:
      return {
        kind: 'ABSENT',
        peer,
        code: `${peer.toUpperCase()}_UNAVAILABLE`,
        message: `${capitalised(NAME[peer])} could not be reached. See that it runs, then start a new run.`,
      };
    case status.RESOURCE_EXHAUSTED:
      if (error.reason === 'NO_SPACE') return { kind: 'END', ...NO_SPACE };
      if (error.reason === 'NO_MEMORY') return { kind: 'END', ...NO_MEMORY };
      return { kind: 'AGAIN', code: 'OVERLOADED', message: `${capitalised(NAME[peer])} is overloaded: ${said} Start a new run when it has calmed down.` };
    case status.FAILED_PRECONDITION:
      return { kind: 'END', ...precondition(error, said) };
    case status.INVALID_ARGUMENT:
      return { kind: 'END', code: 'SPEC_INVALID', message: `${said} Change the training spec and start a new run.` };
    case status.DATA_LOSS:
      return { kind: 'END', code: 'DATA_CORRUPT', message: `${said} Nothing of it was used. Start a new run, which makes a fresh snapshot.` };
    case status.UNIMPLEMENTED:
      return { kind: 'END', code: 'VERSION_MISMATCH', message: `${capitalised(NAME[peer])} is of another version than training. Update both, then start a new run.` };
    default:
      return { kind: 'AGAIN', code: `${peer.toUpperCase()}_FAILED`, message: `${capitalised(NAME[peer])} failed: ${said} Its log says more.` };
  }
}

function precondition(error: RpcError, said: string): Failure {
  const { needed, found } = error.metadata;
  if (error.reason === 'TOO_LITTLE_DATA') {
    const counts = needed !== undefined && found !== undefined ? ` Needed: ${needed}; found: ${found}.` : '';
    return { code: 'TOO_LITTLE_DATA', message: `${capitalised(said)}${counts} Send or import more events and start a new run.` };
  }
  if (error.reason === 'NO_EVENTS') {
    return { code: 'TOO_LITTLE_DATA', message: 'There are no events to learn from yet. Send or import some and start a new run.' };
  }
  if (error.reason === 'NO_SPACE') return NO_SPACE;
  return { code: error.reason, message: said };
}

function judgeArtifact(error: ArtifactError): Judgement {
  if (error.reason === 'NO_SPACE') return { kind: 'END', ...NO_SPACE };
  if (error.reason === 'HASH_MISMATCH' || error.reason === 'MISSING') {
    return { kind: 'END', code: 'ARTIFACT_CORRUPT', message: `${sentence(error.message)} Start a new run.` };
  }
  return { kind: 'AGAIN', code: 'ARTIFACT_FAILED', message: `${sentence(error.message)} Start a new run.` };
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);
