import { Inject, Injectable } from '@nestjs/common';

import type { worker } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';
import { SERVICE, type ServiceContext } from '#libs/service';

import { Peers } from '../step/peers.js';
import type { TrainingConfig } from '../training.config.js';
import { refusedSpec } from './training-spec.js';

/** Whoever starts a run waits no longer. */
const WITHIN_MS = 2_000;

/**
 * What others know of a spec, asked before a run is begun. Who is away, or takes too long, does not keep a run from beginning: it is
 * refused then when the run has come to them.
 */
@Injectable()
export class SpecCheck {
  constructor(
    private readonly peers: Peers,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  /** Throws SPEC_INVALID. */
  async check(workspaceId: string, spec: worker.TrainingSpec): Promise<void> {
    if (spec.encoder !== '' || spec.objectives.length > 0) await this.byWorker(workspaceId, spec);
  }

  /** Which encoders and pretext tasks there are. */
  private async byWorker(workspaceId: string, spec: worker.TrainingSpec): Promise<void> {
    try {
      await this.peers.worker.checkSpec({ spec }, await this.peers.as(workspaceId, { deadline: WITHIN_MS }));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (error.status === status.INVALID_ARGUMENT) throw refusedSpec(error.message, error.metadata['field']);
      this.service.log.info({ err: error }, 'a spec was not checked by the worker; its run tells what is wrong with it');
    }
  }
}
