import { Injectable } from '@nestjs/common';

import { RpcError } from '#libs/grpc';

import { isoOf, microsOf } from '../time/micros.js';
import { expectPast } from '../time/past.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { PastRepository } from './past.repository.js';

/** As of which times it is known who belonged where. */
@Injectable()
export class AnswerablePast {
  constructor(
    private readonly past: PastRepository,
    private readonly directory: WorkspaceDirectory,
  ) {}

  /** The time, where there is an answer as of it. Throws AS_OF_INVALID where it has not come, and AS_OF_BEFORE_HISTORY. */
  async of(workspaceId: string, asked: string): Promise<string> {
    const asOf = microsOf(asked);
    const { began, newestEventAt } = await this.past.span(workspaceId);
    expectPast(asOf, await this.directory.now(workspaceId, newestEventAt));
    if (began === null) {
      throw RpcError.precondition('asOf: memberships begin when the first model is promoted, and none was yet. Promote a model, or leave asOf out.', { reason: 'AS_OF_BEFORE_HISTORY' });
    }
    if (asOf < microsOf(began.toISOString())) {
      throw RpcError.precondition(`asOf: memberships are known from ${began.toISOString()} on. Ask for that time or a later one.`, {
        reason: 'AS_OF_BEFORE_HISTORY', metadata: { since: began.toISOString() },
      });
    }
    return isoOf(asOf);
  }
}
