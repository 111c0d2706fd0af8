import { Injectable } from '@nestjs/common';

import type { explanation, worker } from '#libs/contracts';
import type { Position } from '#libs/database';
import { RpcError } from '#libs/grpc';

import { partitionOf } from '../lease/partition.js';
import { onlyUuids } from '../page/uuid.js';
import { toScoreEvent } from '../scoring/customer.reading.js';
import { FeedRepository, WHOLE_FEED } from '../scoring/feed.repository.js';
import { PastReadings } from '../scoring/past.readings.js';
import { ScoringRepository, type ServedModel } from '../scoring/scoring.repository.js';
import { ScoringService } from '../scoring/scoring.service.js';
import type { HeldState } from '../scoring/state.repository.js';
import { Calendar } from '../onnx/calendar.js';
import { type PackedForecast, unpackForecast } from '../scoring/packed.forecast.js';
import { similarityOf } from '../similar/embedding.js';
import { isoOf, type Micros } from '../time/micros.js';
import { endOf } from '../time/past.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { changesOf, TRIED } from './behaviour.change.js';
import { contributionsOf, historyOf, type Nearness } from './contribution.js';
import { type DrawnSegment, ExplanationRepository } from './explanation.repository.js';
import { figuresOf, fittingTraits, isForeseen, type OwnFigures } from './own.figures.js';
import { pauseBetweenVisits } from './visit.js';

/** A customer and their segment, at the time that is spoken of. */
interface Subject {
  readonly served: ServedModel;
  readonly customerId: string;
  readonly readAt: Micros;
  /** Little-endian float32. */
  readonly embedding: Buffer;
  readonly forecast: PackedForecast;
  readonly own: DrawnSegment;
  readonly drawn: readonly DrawnSegment[];
  /** Events up to this place of the feed, and up to a time where one was asked for. */
  readonly upTo: Position;
  readonly until: Micros | undefined;
}

/** Typical customers of each segment whose events tell how long a pause ends a visit; one of each is an example of what people do. */
const COUNTED_OF_EACH = 3;

/** Says why a customer is in a segment, by asking the model what it would say otherwise. */
@Injectable()
export class ExplanationService {
  constructor(
    private readonly explanations: ExplanationRepository,
    private readonly scoring: ScoringRepository,
    private readonly scorers: ScoringService,
    private readonly feed: FeedRepository,
    private readonly readings: PastReadings,
    private readonly directory: WorkspaceDirectory,
  ) {}

  async explain(workspaceId: string, { customerId, segmentId, asOf }: explanation.ExplainMembershipRequest): Promise<explanation.ExplainMembershipResponse> {
    const subject = await (asOf === undefined ? this.present(workspaceId, customerId, segmentId) : this.past(workspaceId, customerId, segmentId, asOf));
    const { served, readAt, own, drawn } = subject;
    const byCustomer = await this.eventsOf(workspaceId, subject, [customerId, ...typicalOfEach(drawn, COUNTED_OF_EACH)]);
    const events = byCustomer.get(customerId) ?? [];
    const examples = typicalOfEach(drawn, 1).flatMap((id) => (id === customerId ? [] : (byCustomer.get(id) ?? [])));
    const scorer = this.scorers.openScorer(served);
    try {
      const history = await historyOf(scorer, events, readAt);
      const typical = await this.typicalOf(workspaceId, served, drawn);
      const contributions = await contributionsOf(scorer, history, own.index, seedOf(customerId), nearnessTo(own, typical));
      const segments = new Map(drawn.map((segment) => [segment.index, segment.segmentId]));
      return {
        modelId: served.modelId,
        readAt: isoOf(readAt),
        ...contributions,
        changes: await changesOf(scorer, history, own.index, examples, segments),
        ...TRIED,
        traits: fittingTraits(own.traits, await this.figuresOf(workspaceId, subject, byCustomer)),
        typical: mostAlike(subject, typical.get(own) ?? []),
      } satisfies explanation.ExplainMembershipResponse;
    } finally {
      scorer.close();
    }
  }

  /** As the served model read them last. */
  private async present(workspaceId: string, customerId: string, segmentId: string): Promise<Subject> {
    const [customer, segment] = [onlyUuids([customerId])[0], onlyUuids([segmentId])[0]];
    // Their state stands where their partition does.
    const partition = partitionOf(customerId);
    const standing = await this.scoring.standing(workspaceId, [partition]);
    const served = standing?.served;
    const upTo = standing?.places.get(partition)?.position;
    const [isMember, drawn, [held]] =
      served && customer && segment
        ? await Promise.all([
            this.explanations.isMember(workspaceId, customer, segment, served.modelId),
            this.explanations.drawn(workspaceId, served.modelId),
            this.scoring.states(workspaceId, served.modelId, [customer]),
          ])
        : [false, [], []];
    const own = drawn.find(({ segmentId: id }) => id === segment);
    if (!served || !upTo || !isMember || !held || held.isBroken || !own) throw noMembership('now');
    return { served, customerId, readAt: held.readAt, embedding: held.embedding, forecast: held.forecast, own, drawn, upTo, until: undefined };
  }

  /** As the served model reads what they had done by then. */
  private async past(workspaceId: string, customerId: string, segmentId: string, asOf: string): Promise<Subject> {
    const [customer, segment] = [onlyUuids([customerId])[0], onlyUuids([segmentId])[0]];
    const { at, served } = await this.readings.at(workspaceId, asOf);
    const [wasMember, drawn, read] =
      served && customer && segment
        ? await Promise.all([
            this.explanations.wasMember(workspaceId, customer, segment, at),
            this.explanations.drawn(workspaceId, served.modelId),
            this.readings.of(workspaceId, [customer], asOf),
          ])
        : [false, [], undefined];
    const own = drawn.find(({ segmentId: id }) => id === segment);
    const reading = read?.readings.get(customerId);
    if (!served || !wasMember || !reading || !own) throw noMembership('then that the served model draws');
    return { served, customerId, readAt: endOf(at), embedding: Buffer.from(reading.embedding), forecast: reading.forecast, own, drawn, upTo: WHOLE_FEED, until: endOf(at) };
  }

  /** What is counted of the customer's events, and what the model foresees of them. */
  private async figuresOf(workspaceId: string, { customerId, readAt, forecast }: Subject, byCustomer: ReadonlyMap<string, worker.ScoreEvent[]>): Promise<OwnFigures> {
    const foreseen = chancesOf(forecast);
    const counted = figuresOf(byCustomer.get(customerId) ?? [], readAt, {
      mainEvents: new Set(foreseen.keys()),
      pause: pauseBetweenVisits(byCustomer.values()),
      calendar: new Calendar(await this.directory.timezone(workspaceId)),
    });
    return (key) => (isForeseen(key) ? foreseen.get(key.slice(key.indexOf(':') + 1)) : counted(key));
  }

  private async eventsOf(workspaceId: string, { upTo, until }: Subject, customerIds: readonly string[]): Promise<Map<string, worker.ScoreEvent[]>> {
    const events = await this.feed.ofCustomers(workspaceId, customerIds, upTo, until);
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

function noMembership(when: string): RpcError {
  return RpcError.notFound(`The customer is in no learned segment of this id ${when}.`, { reason: 'NO_MEMBERSHIP' });
}

function mostAlike({ customerId: own, embedding: theirs }: Subject, typical: readonly HeldState[]): explanation.TypicalCustomer[] {
  return typical
    .filter(({ customerId }) => customerId !== own)
    .map(({ customerId, embedding }) => ({ customerId, similarity: similarityOf(theirs, embedding) }))
    .sort((a, b) => b.similarity - a.similarity);
}

/** Typical customers of each segment: what people do, with the properties it has. */
function typicalOfEach(drawn: readonly DrawnSegment[], most: number): string[] {
  return drawn.flatMap(({ typicalCustomerIds }) => typicalCustomerIds.slice(0, most));
}

/** The chance of each main event within the middle horizon, which is what segments are told apart by. */
function chancesOf(forecast: PackedForecast): ReadonlyMap<string, number> {
  const foreseen = unpackForecast(forecast);
  const horizons = [...new Set(foreseen.map(({ horizonDays }) => horizonDays))].sort((a, b) => a - b);
  const middle = horizons[Math.floor(horizons.length / 2)];
  return new Map(foreseen.flatMap(({ event, horizonDays, probability }) => (horizonDays === middle ? [[event, probability] as const] : [])));
}

/** The same customer is explained alike each time. */
function seedOf(customerId: string): number {
  return Number.parseInt(customerId.replaceAll('-', '').slice(-8), 16);
}
