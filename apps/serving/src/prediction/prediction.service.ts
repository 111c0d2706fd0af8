import { Inject, Injectable } from '@nestjs/common';
import { validate } from 'uuid';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';
import type { prediction } from '#libs/contracts';
import { expectFewIds, RpcError, status } from '#libs/grpc';

import { onlyUuids } from '../page/uuid.js';
import { ARTIFACTS } from '../store.js';
import { isoOf } from '../time/micros.js';
import { openPredictions } from './prediction.file.js';
import { LivePredictions } from './live.predictions.js';
import { PredictionRepository, type PredictionRow } from './prediction.repository.js';

/** What heads say of customers: of the present where they can, else as it was loaded for everyone. */
@Injectable()
export class PredictionService {
  constructor(
    private readonly repository: PredictionRepository,
    private readonly live: LivePredictions,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
  ) {}

  async ofCustomers(workspaceId: string, customerIds: readonly string[]): Promise<prediction.GetPredictionsResponse> {
    expectFewIds(customerIds);
    const asked = [...new Set(onlyUuids(customerIds))];
    const [written, now] = await Promise.all([this.repository.written(workspaceId, asked), this.live.ofCustomers(workspaceId, asked)]);
    // Of either kind, what is said of the present takes the place of what was written.
    const rows = new Map([...written, ...now].map((row) => [`${row.customerId} ${row.labelSetId}`, row]));
    const customers = [...Map.groupBy(rows.values(), ({ customerId }) => customerId)].map(([customerId, said]) => ({
      customerId,
      predictions: said.map(toPrediction).toSorted(byProbability),
    }));
    return { customers };
  }

  async *load(workspaceId: string, request: prediction.LoadPredictionsRequest, signal: AbortSignal): AsyncGenerator<prediction.LoadPredictionsResponse> {
    const { labelSetId, headId, asOf, liveUri, liveSha256 } = request;
    if (!validate(labelSetId) || !validate(headId) || asOf === undefined) {
      throw RpcError.invalid('label_set_id and head_id must be UUIDs, and as_of a time.', { reason: 'PREDICTIONS_INVALID' });
    }
    const served = await this.repository.servedHead(workspaceId, labelSetId);
    // Loading it again is harmless, for an attempt may have ended half way; a later head's words stand.
    if (served === undefined || served <= headId) yield* this.fill(workspaceId, request, signal);
    signal.throwIfAborted();
    const live = liveUri === '' ? undefined : { uri: liveUri, sha256: liveSha256 };
    const customers = await this.repository.serve(workspaceId, { labelSetId, headId }, new Date(asOf), live);
    yield { fraction: 1, completed: true, customers };
  }

  async drop(workspaceId: string, labelSetId: string): Promise<void> {
    if (validate(labelSetId)) await this.repository.drop(workspaceId, labelSetId);
  }

  private async *fill(workspaceId: string, request: prediction.LoadPredictionsRequest, signal: AbortSignal): AsyncGenerator<prediction.LoadPredictionsResponse> {
    const predictions = await openPredictions(await this.verified(request), request.task);
    try {
      let done = 0;
      for await (const said of predictions.chunks()) {
        signal.throwIfAborted();
        await this.repository.add(workspaceId, request, said);
        done += said.length;
        yield { fraction: done / Math.max(predictions.rows, 1), completed: false, customers: done };
      }
    } finally {
      predictions.close();
    }
  }

  private async verified({ predictionsUri, predictionsSha256 }: prediction.LoadPredictionsRequest): Promise<string> {
    try {
      await this.artifacts.verify(predictionsUri, predictionsSha256);
      return await this.artifacts.localFileOf(predictionsUri);
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error;
      throw new RpcError(status.DATA_LOSS, error.message, { reason: error.reason, cause: error });
    }
  }
}

function toPrediction({ labelSetId, headId, value, low, high, asOf, live }: PredictionRow): prediction.Prediction {
  const told = { labelSetId, headId, asOf: isoOf(asOf), live };
  return low === null || high === null ? { ...told, probability: value, number: undefined } : { ...told, probability: 0, number: { number: value, low, high } };
}

/** Numbers, which have none, come last. */
const byProbability = (one: prediction.Prediction, other: prediction.Prediction): number =>
  Number(one.number !== undefined) - Number(other.number !== undefined) || other.probability - one.probability || one.labelSetId.localeCompare(other.labelSetId);
