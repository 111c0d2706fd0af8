import { Injectable } from '@nestjs/common';

import { RpcError } from '#libs/grpc';

import { LabelRepository } from '../label/label.repository.js';
import { LabelService } from '../label/label.service.js';
import { Peers } from '../step/peers.js';
import { Snapshots } from '../step/snapshots.js';
import { HeadFiles } from './head.files.js';
import { HeadRepository } from './head.repository.js';

const HEADS_AT_ONCE = 500;

/** Removes a label set with all that was made of it: its row goes last, so that what fails can be asked for again. */
@Injectable()
export class LabelSetRemoval {
  constructor(
    private readonly sets: LabelService,
    private readonly labels: LabelRepository,
    private readonly heads: HeadRepository,
    private readonly files: HeadFiles,
    private readonly snapshots: Snapshots,
    private readonly peers: Peers,
  ) {}

  /** Throws LABEL_SET_UNKNOWN, HEAD_ACTIVE. */
  async remove(workspaceId: string, labelSetId: string): Promise<void> {
    const { id } = await this.sets.found(workspaceId, labelSetId);
    const active = await this.heads.active(workspaceId, id);
    if (active) throw headActive(active.id);
    await this.peers.predictions.dropPredictions({ labelSetId: id }, await this.peers.as(workspaceId));
    const { rows } = await this.heads.listOfLabelSets(workspaceId, [id], { first: HEADS_AT_ONCE, after: undefined }, false);
    for (const head of rows) {
      await this.files.remove(workspaceId, head.id);
      await this.snapshots.remove(workspaceId, head.id);
    }
    if (!(await this.labels.remove(workspaceId, id))) throw headActive('');
  }
}

const headActive = (headId: string): RpcError =>
  RpcError.precondition('A head of this label set is being trained. Wait for it, or cancel it.', { reason: 'HEAD_ACTIVE', metadata: { headId } });
