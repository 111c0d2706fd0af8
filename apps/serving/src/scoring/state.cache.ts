import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import type { HeldState } from './state.repository.js';

/** What a state costs beside its bytes. */
const OVERHEAD_BYTES = 600;
const MIB = 1024 * 1024;

/** States of customers seen lately, bounded in memory. Only the workspace's one reader may use its part. */
@Injectable()
export class StateCache {
  private readonly states: LRUCache<string, HeldState>;

  constructor(@Inject(SERVICE) { config }: Context) {
    this.states = new LRUCache<string, HeldState>({
      maxSize: config.STATE_CACHE_MIB * MIB,
      sizeCalculation: (held) => held.state.length + held.embedding.length + held.forecast.values.length + OVERHEAD_BYTES,
    });
  }

  /** A term of reading: another one (lease, model, fence) never sees what this one kept. */
  of(term: string): { get(customerId: string): HeldState | undefined; set(held: HeldState): void; drop(customerId: string): void } {
    return {
      get: (customerId) => this.states.get(`${term}/${customerId}`),
      set: (held) => this.states.set(`${term}/${held.customerId}`, held),
      drop: (customerId) => this.states.delete(`${term}/${customerId}`),
    };
  }
}
