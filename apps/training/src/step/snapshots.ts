import { Injectable } from '@nestjs/common';

import { Peers } from './peers.js';

/** The snapshots that runs and heads have ingestion make, each under its id. */
@Injectable()
export class Snapshots {
  constructor(private readonly peers: Peers) {}

  /** Removes the snapshot of a run or head that nothing was made of, or that is gone: it holds everybody's events, and nothing is left to repeat by it. */
  async remove(workspaceId: string, id: string): Promise<void> {
    await this.peers.snapshots.removeSnapshot({ requestId: id }, await this.peers.as(workspaceId));
  }
}
