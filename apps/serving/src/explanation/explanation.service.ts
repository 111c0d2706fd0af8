import { Injectable } from '@nestjs/common';

import type { explanation, worker } from '#libs/contracts';
import type { Position } from '#libs/database';
import { RpcError } from '#libs/grpc';

import { partitionOf } from '../lease/partition.js';
import { onlyUuids } from '../page/uuid.js';
import { toScoreEvent } from '../scoring/customer.reading.js';
import { FeedRepository } from '../scoring/feed.repository.js';
import { ScoringRepository, type ServedModel } from '../scoring/scoring.repository.js';
import { ScoringService } from '../scoring/scoring.service.js';
import type { HeldState } from '../scoring/state.repository.js';
import { similarityOf } from '../similar/embedding.js';
import { isoOf } from '../time/micros.js';
import { changesOf } from './behaviour.change.js';
import { contributionsOf, historyOf, type Nearness } from './contribution.js';
import { type DrawnSegment, ExplanationRepository } from './explanation.repository.js';
import { fittingTraits } from './own.figures.js';

/** Says why a customer is in a segment, by asking the model what it would say otherwise. */
@Injectable()
export class ExplanationService {
  constructor(
    private readonly explanations: ExplanationRepository,
    private readonly scoring: ScoringRepository,
    private readonly scorers: ScoringService,
    private readonly feed: FeedRepository,
  ) {}

  async explain(workspaceId: string, { customerId, segmentId }: explanation.ExplainMembershipRequest): Promise<explanation.ExplainMembershipResponse> {
    const { served, position, held, own, drawn } = await this.subjectOf(workspaceId, customerId, segmentId);
    const byCustomer = await this.eventsOf(workspaceId, position, [customerId, ...examplesOf(drawn)]);
    const events = byCustomer.get(customerId) ?? [];
    const examples = [...byCustomer].flatMap(([id, theirs]) => (id === customerId ? [] : theirs));
    const scorer = this.scorers.openScorer(served);
    try {
      const history = await historyOf(scorer, events, held.readAt);
      const typical = await this.typicalOf(workspaceId, served, drawn);
      const contributions = await contributionsOf(scorer, history, own.index, seedOf(customerId), nearnessTo(own, typical));
      const segments = new Map(drawn.map((segment) => [segment.index, segment.segmentId]));
      return {
        modelId: served.modelId,
        readAt: isoOf(held.readAt),
        ...contributions,
        changes: await changesOf(scorer, history, own.index, examples, segments),
        traits: fittingTraits(own.traits, events, new Set(held.forecast.shape.targets.map(([event]) => event)), held.readAt),
        typical: mostAlike(held, typical.get(own) ?? []),
      } satisfies explanation.ExplainMembershipResponse;
    } finally {
      scorer.close();
    }
  }

  private async subjectOf(workspaceId: string, customerId: string, segmentId: string) {
    const [customer] = onlyUuids([customerId]);
    const [segment] = onlyUuids([segmentId]);
    // Their state stands where their partition does.
    const partition = partitionOf(customerId);
    const standing = await this.scoring.standing(workspaceId, [partition]);
    const served = standing?.served;
    const position = standing?.places.get(partition)?.position;
    const [isMember, drawn, [held]] =
      served && customer && segment
        ? await Promise.all([
            this.explanations.isMember(workspaceId, customer, segment, served.modelId),
            this.explanations.drawn(workspaceId, served.modelId),
            this.scoring.states(workspaceId, served.modelId, [customer]),
          ])
        : [false, [], []];
    const own = drawn.find(({ segmentId: id }) => id === segment);
    if (!served || !position || !isMember || !held || held.isBroken || !own) {
      throw RpcError.notFound('The customer is in no learned segment of this id now.', { reason: 'NO_MEMBERSHIP' });
    }
    return { served, position, held, own, drawn };
  }

  private async eventsOf(workspaceId: string, position: Position, customerIds: readonly string[]): Promise<Map<string, worker.ScoreEvent[]>> {
    const events = await this.feed.ofCustomers(workspaceId, customerIds, position);
    return new Map([...Map.groupBy(events, ({ customerId }) => customerId)].map(([id, theirs]) => [id, theirs.map(toScoreEvent)]));
  }

  /** The typical customers of each segment, as they are now. */
  private async typicalOf(workspaceId: string, { modelId }: ServedModel, drawn: readonly DrawnSegment[]): Promise<ReadonlyMap<DrawnSegment, HeldState[]>> {
    const states = await this.scoring.states(workspaceId, modelId, drawn.flatMap(({ typicalCustomerIds }) => typicalCustomerIds));
    return new Map(drawn.map((segment) => [segment, states.filter(({ customerId }) => segment.typicalCustomerIds.includes(customerId))]));
  }
}

/** Mean cosine to the segment's typical customers, less that to the nearest other segment's. */
function nearnessTo(own: DrawnSegment, typical: ReadonlyMap<DrawnSegment, readonly HeldState[]>): Nearness {
  const to = (embedding: Buffer, others: readonly HeldState[]) => others.reduce((sum, other) => sum + similarityOf(embedding, other.embedding), 0) / others.length;
  const others = [...typical].filter(([segment, states]) => segment !== own && states.length > 0).map(([, states]) => states);
  const ours = typical.get(own) ?? [];
  return (embedding) => (ours.length === 0 ? 0 : to(embedding, ours) - Math.max(-1, ...others.map((states) => to(embedding, states))));
}

function mostAlike(held: HeldState, typical: readonly HeldState[]): explanation.TypicalCustomer[] {
  return typical
    .filter(({ customerId }) => customerId !== held.customerId)
    .map(({ customerId, embedding }) => ({ customerId, similarity: similarityOf(held.embedding, embedding) }))
    .sort((a, b) => b.similarity - a.similarity);
}

/** One typical customer of each segment: what people do, with the properties it has. */
function examplesOf(drawn: readonly DrawnSegment[]): string[] {
  return drawn.flatMap(({ typicalCustomerIds }) => typicalCustomerIds.slice(0, 1));
}

/** The same customer is explained alike each time. */
function seedOf(customerId: string): number {
  return Number.parseInt(customerId.replaceAll('-', '').slice(-8), 16);
}
