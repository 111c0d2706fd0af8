import { Inject, Injectable } from '@nestjs/common';

import { foresight, type worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { onlyUuids } from '../page/uuid.js';
import { toScoreEvent } from '../scoring/customer.reading.js';
import { type Context, SCORE_WORKER, type ScoreWorkerClient } from '../store.js';
import { ForesightRepository, type ServedBundle } from './foresight.repository.js';
import { HistoryRepository, type LifePlace, type PastEvent } from './history.repository.js';

const MOST_EVENTS = 500;
const MOST_CUSTOMERS = 100;
/** Events of each customer that are looked at, the latest: as many as the worker takes. */
const MOST_LOOKED_AT = 2_000;

/**
 * How surprising events were. Nothing of it is kept, for few events are ever looked at: the worker reads the events of
 * those customers again and answers for the ones asked about.
 */
@Injectable()
export class NoveltyService {
  constructor(
    private readonly kept: ForesightRepository,
    private readonly history: HistoryRepository,
    @Inject(SCORE_WORKER) private readonly scoreWorker: ScoreWorkerClient,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  async ofEvents(workspaceId: string, { events }: foresight.GetEventNoveltyRequest): Promise<foresight.GetEventNoveltyResponse> {
    const customerIds = [...new Set(onlyUuids(events.map(({ customerId }) => customerId)))];
    if (events.length > MOST_EVENTS || customerIds.length > MOST_CUSTOMERS) {
      throw RpcError.invalid(`At most ${MOST_EVENTS} events of at most ${MOST_CUSTOMERS} customers at once.`, { reason: 'TOO_MANY_IDS' });
    }
    const served = await this.kept.served(workspaceId);
    const novelty = new Map<string, number>();
    if (served) await this.judge(workspaceId, served, customerIds, new Set(onlyUuids(events.map(({ eventId }) => eventId))), novelty);
    return {
      events: events.map(({ eventId }) => ({ eventId, novelty: novelty.get(eventId) })),
      modelId: served?.modelId ?? '',
    } satisfies foresight.GetEventNoveltyResponse;
  }

  /** Each event at the end of what the worker can be told before it: where many came behind one, the life up to it is read once more. */
  private async judge(workspaceId: string, { uri, hash }: ServedBundle, customerIds: readonly string[], asked: ReadonlySet<string>, into: Map<string, number>): Promise<void> {
    const left = new Set(asked);
    let whose = customerIds;
    for (let upTo = new Map<string, LifePlace>(); whose.length > 0; whose = [...upTo.keys()]) {
      const past = await this.history.events(workspaceId, whose, MOST_LOOKED_AT, upTo);
      const customers = [...past].map(([customerId, theirs]) => toRequest(customerId, theirs, left)).filter((request) => request.asked.length > 0);
      if (customers.length > 0) {
        const { customers: judged } = await this.scoreWorker.judgeEvents({ modelUri: uri, modelHash: hash, customers });
        for (const result of judged) this.take(result, past.get(result.customerId) ?? [], left, into);
      }
      for (const { eventId } of [...past.values()].flat()) left.delete(eventId);
      // Found or not, the last one of each was looked for.
      for (const { eventId } of upTo.values()) left.delete(eventId);
      const places = left.size > 0 ? await this.history.places(workspaceId, whose, [...left]) : [];
      upTo = new Map(places.map((place) => [place.customerId, place]));
    }
  }

  private take({ customerId, novelty, error }: worker.CustomerJudgeResult, theirs: readonly PastEvent[], asked: ReadonlySet<string>, into: Map<string, number>): void {
    if (error) return this.context.log.error({ customerId, reason: error }, 'the events of a customer could not be judged');
    for (const [at, { eventId }] of theirs.filter((event) => asked.has(event.eventId)).entries()) {
      const judged = novelty[at];
      if (judged !== undefined) into.set(eventId, judged);
    }
  }
}

function toRequest(customerId: string, events: readonly PastEvent[], asked: ReadonlySet<string>): worker.CustomerJudgeRequest {
  return {
    customerId,
    events: events.map(toScoreEvent),
    asked: events.flatMap(({ eventId }, place) => (asked.has(eventId) ? [place] : [])),
  };
}
