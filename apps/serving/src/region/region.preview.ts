import { Injectable } from '@nestjs/common';
import { setImmediate as pause } from 'node:timers/promises';

import type { PoolClient } from 'pg';

import type { region as contract } from '#libs/contracts';

import { closeness, type Region, vectorOf } from './region.js';
import { type EmbeddingRow, RegionRepository } from './region.repository.js';
import { RegionRule } from './region.rule.js';

const SAMPLED = 20_000;
const AT_ONCE = 500;
const TYPICAL = 8;
const BORDER = 4;
/** Parts of everyone for which the threshold is told. */
const SHARES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75];

/** Everyone, or an even sample. */
interface Population {
  readonly size: number;
  readonly rows: readonly EmbeddingRow[];
}

type Told = Pick<contract.PreviewExampleSegmentResponse, 'threshold' | 'size' | 'population' | 'isExact' | 'sizes' | 'typicalCustomerIds' | 'borderCustomerIds' | 'rule'>;

/** Who would be in a region, at one threshold and at others. */
@Injectable()
export class RegionPreview {
  constructor(
    private readonly regions: RegionRepository,
    private readonly rules: RegionRule,
  ) {}

  async read(client: PoolClient, modelId: string): Promise<Population> {
    return { size: await this.regions.population(client, modelId), rows: await this.regions.sample(client, modelId, SAMPLED) };
  }

  async of(
    workspaceId: string,
    modelId: string,
    region: Region,
    { size: population, rows }: Population,
    { threshold, withRule }: { threshold: number; withRule: boolean },
  ): Promise<Told> {
    const close: { id: string; value: number }[] = [];
    for (const [at, { customerId, embedding }] of rows.entries()) {
      if (at % AT_ONCE === 0) await pause();
      close.push({ id: customerId, value: embedding.length === region.width * 4 ? closeness(region, vectorOf(embedding)) : 0 });
    }
    close.sort((a, b) => b.value - a.value);
    const perCustomer = close.length === 0 ? 0 : population / close.length;
    const within = (least: number) => close.filter(({ value }) => value >= least);
    const inside = within(threshold);
    const byDistance = [...close].sort((a, b) => Math.abs(a.value - threshold) - Math.abs(b.value - threshold));
    const thresholds = [...new Set(SHARES.map((share) => close[Math.ceil(share * close.length) - 1]?.value ?? 0))].filter((value) => value > 0);
    return {
      threshold, population,
      size: Math.round(inside.length * perCustomer),
      isExact: close.length === population,
      sizes: thresholds.map((least) => ({ threshold: least, size: Math.round(within(least).length * perCustomer) })),
      typicalCustomerIds: inside.slice(0, TYPICAL).map(({ id }) => id),
      borderCustomerIds: byDistance.slice(0, BORDER).map(({ id }) => id),
      rule: withRule ? await this.rules.of(workspaceId, modelId, inside.map(({ id }) => id), close.slice(inside.length).map(({ id }) => id)) : undefined,
    };
  }
}
