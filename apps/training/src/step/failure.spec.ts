import { ArtifactError } from '#libs/artifacts';
import { RpcError, status } from '#libs/grpc';

import { judge, PeerFailure } from './failure.js';

const from = (code: status, reason: string, metadata: Record<string, string> = {}) =>
  new PeerFailure('worker', new RpcError(code, 'What the worker says', { reason, metadata }));

describe('what a failure means for its run', () => {
  it.each<[string, unknown, string, string]>([
    ['a worker that is away', from(status.UNAVAILABLE, 'UNAVAILABLE'), 'ABSENT', 'WORKER_UNAVAILABLE'],
    ['a worker that does not answer', from(status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'), 'ABSENT', 'WORKER_UNAVAILABLE'],
    ['a worker that fails unexpectedly', from(status.INTERNAL, 'INTERNAL'), 'AGAIN', 'WORKER_FAILED'],
    ['too little data', from(status.FAILED_PRECONDITION, 'TOO_LITTLE_DATA', { needed: '50', found: '3' }), 'END', 'TOO_LITTLE_DATA'],
    ['a spec that cannot be used', from(status.INVALID_ARGUMENT, 'INVALID_INPUT'), 'END', 'SPEC_INVALID'],
    ['a hash that does not match', from(status.DATA_LOSS, 'HASH_MISMATCH'), 'END', 'DATA_CORRUPT'],
    ['a full disk at the worker', from(status.RESOURCE_EXHAUSTED, 'NO_SPACE'), 'END', 'NO_SPACE'],
    ['a worker without memory', from(status.RESOURCE_EXHAUSTED, 'NO_MEMORY'), 'END', 'NO_MEMORY'],
    ['a full disk here', Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }), 'END', 'NO_SPACE'],
    ['a swapped file', new ArtifactError('HASH_MISMATCH', 'It is another file'), 'END', 'ARTIFACT_CORRUPT'],
    ['a database that is away', new Error('Connection terminated'), 'AGAIN', 'INTERNAL'],
  ])('%s', (_, error, kind, code) => {
    expect(judge(error)).toMatchObject({ kind, code });
  });

  it('is told in whole sentences that name the counts and end in the remedy', () => {
    const { message } = judge(from(status.FAILED_PRECONDITION, 'TOO_LITTLE_DATA', { needed: '50', found: '3' }));
    expect(message).toBe(
      'What the worker says. Needed: 50; found: 3. Send or import more events and start a new run.',
    );
  });

  it('never shows what an unexpected error says, which may name hosts and tables', () => {
    expect(judge(new Error('relation training.runs does not exist')).message).not.toContain('training.runs');
  });
});
