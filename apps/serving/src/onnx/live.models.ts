import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { ArtifactStore } from '#libs/artifacts';
import { SERVICE } from '#libs/service';

import { ARTIFACTS, type Context } from '../store.js';
import type { LiveModel } from './live.model.js';
import { openLiveModel } from './live.model.opener.js';

const KEPT = 4;

/** The live forms of the models served lately, each opened once. */
@Injectable()
export class LiveModels {
  private readonly opened = new LRUCache<string, Promise<LiveModel | undefined>>({ max: KEPT });

  constructor(
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  /** Undefined where the model has no live form, or where it cannot be opened: scoring then needs the worker. */
  of({ uri, hash }: { readonly uri: string; readonly hash: string }): Promise<LiveModel | undefined> {
    const known = this.opened.get(hash);
    if (known) return known;
    const opening = openLiveModel(this.artifacts, uri, hash).catch((error: unknown) => {
      this.context.log.warn({ err: error, uri }, 'the live form of a model cannot be opened; without the worker its events wait');
      this.opened.delete(hash);
      return undefined;
    });
    this.opened.set(hash, opening);
    return opening;
  }
}
