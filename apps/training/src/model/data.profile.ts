import { Inject, Injectable } from '@nestjs/common';
import { readFile } from 'node:fs/promises';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';
import { z } from '#libs/config';
import type { dataProfile } from '#libs/contracts';
import { expectFewIds } from '#libs/grpc';

import { UUID } from '../page.js';
import { fileUri } from '../step/files.js';
import { ARTIFACTS } from '../store.js';
import { ModelRepository, type ModelRow } from './model.repository.js';

/** quality.json, as the worker writes it. */
const QUALITY = z.object({
  guard: z.boolean(),
  notes: z.array(z.string()),
  properties: z.array(
    z.object({
      property: z.string(),
      kind: z.string(),
      missing: z.number(),
      distinct: z.number(),
      within: z.number(),
      owned: z.number(),
      drift: z.number(),
      kept: z.boolean(),
      reason: z.string(),
    }),
  ),
});
/** What of encoder.json was taken from the data. */
const ENCODER = z.object({
  begunAnewBecause: z.string().nullish(),
  plan: z.object({
    encoder: z.string(),
    objectives: z.record(z.string(), z.number()),
    half_life_days: z.array(z.number()).default([]),
    horizon_days: z.array(z.number()),
  }),
});
/** The same of features.json. */
const FEATURES = z.object({ main_events: z.array(z.string()), value_property: z.string().nullish() });

/** Of each, three files are read. */
const MOST_MODELS = 50;

/** What models' data were like, from their files. */
@Injectable()
export class DataProfileReader {
  constructor(
    private readonly models: ModelRepository,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
  ) {}

  /** Those that there are, of models whose files are. Throws TOO_MANY_IDS. */
  async of(workspaceId: string, modelIds: readonly string[]): Promise<dataProfile.ModelDataProfile[]> {
    expectFewIds(modelIds, MOST_MODELS);
    const models = await this.models.get(workspaceId, modelIds.filter((id) => UUID.test(id)), false);
    const told = await Promise.all(models.map(async (model) => ({ modelId: model.id, profile: await this.profileOf(model) })));
    return told.filter(({ profile }) => profile !== undefined);
  }

  /** Undefined where the files are gone. */
  private async profileOf(model: ModelRow): Promise<dataProfile.DataProfile | undefined> {
    try {
      const [quality, { plan, begunAnewBecause }, features] = await Promise.all([
        this.read(model.uri, 'quality.json', QUALITY), this.read(model.uri, 'encoder.json', ENCODER), this.read(model.uri, 'features.json', FEATURES),
      ]);
      return {
        notes: quality.notes,
        isGuarded: quality.guard,
        properties: quality.properties.map(({ property, kept, ...same }) => ({ ...same, name: property, isKept: kept })),
        halfLifeDays: plan.half_life_days,
        horizonDays: plan.horizon_days,
        mainEvents: features.main_events,
        valueProperty: features.value_property ?? '',
        encoder: plan.encoder,
        objectives: Object.entries(plan.objectives).map(([name, weight]) => ({ name, weight })),
        begunAnewBecause: begunAnewBecause ?? '',
      } satisfies dataProfile.DataProfile;
    } catch (error) {
      if (error instanceof ArtifactError && error.reason === 'MISSING') return undefined;
      throw error;
    }
  }

  private async read<T>(folder: string, name: string, form: z.ZodType<T>): Promise<T> {
    return form.parse(JSON.parse(await readFile(await this.artifacts.localFileOf(fileUri(folder, name)), 'utf8')));
  }
}
