import { Inject, Injectable } from '@nestjs/common';

import { SERVICE, type ServiceContext } from '#libs/service';

import type { TrainingConfig } from '../training.config.js';
import type { StepExecution } from './execution.js';
import { type Failure, type Judgement, judge, NO_MEMORY } from './failure.js';
import { StepRepository } from './step.repository.js';

/** Attempts of one step that may fail before the run is given up; an absent peer is waited for instead. */
const MOST_FAILURES = 5;
/** A worker that dies under this step so often will not survive it (it resumes from a checkpoint each time). */
const MOST_CRASHES = 10;

/** Decides what a failed attempt means for its run: wait, try again, or end it. */
@Injectable()
export class StepFailures {
  constructor(
    private readonly repository: StepRepository,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  /** Rethrows where the queue shall try again; returns once the run has been ended. */
  async handle(error: unknown, execution: StepExecution): Promise<void> {
    const { runId, state } = execution.token;
    const judgement = judge(error);
    if (judgement.kind === 'ABSENT') this.service.log.info({ runId, step: state, peer: judgement.peer }, 'a step waits for its peer');
    else this.service.log.warn({ err: error, runId, step: state }, 'an attempt of a step failed');
    const failure = judgement.kind === 'END' ? judgement : await this.afterAttempt(judgement, execution);
    if (!failure) throw error;
    await this.repository.fail(execution.token, failure);
  }

  private async afterAttempt(judgement: Judgement, execution: StepExecution): Promise<Failure | undefined> {
    const isAway = judgement.kind === 'ABSENT';
    const isAbsence = isAway && !execution.wasPeerHeard;
    const step = isAway ? `waiting for the ${judgement.peer === 'worker' ? 'training worker' : `${judgement.peer} service`}` : 'trying again';
    const { failures, absentSeconds } = await this.repository.noteAttempt(execution.token, { isAbsence, step });
    if (isAbsence) return absentSeconds > this.service.config.PEER_ABSENCE_SECONDS ? judgement : undefined;
    if (isAway) return failures >= MOST_CRASHES ? crashed(judgement.peer) : undefined;
    return failures >= MOST_FAILURES ? judgement : undefined;
  }
}

function crashed(peer: string): Failure {
  return {
    code: `${peer.toUpperCase()}_CRASHED`,
    message: `The ${peer} ended ${MOST_CRASHES} times in the middle of this step, most likely for want of memory. ${NO_MEMORY.message}`,
  };
}
