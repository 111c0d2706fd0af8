import { setTimeout as wait } from 'node:timers/promises';

import type { Principal } from '#libs/auth';
import { ingestion, type intake } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { decodeEvent, MAX_EVENT_BYTES } from '../event/event.decoder.js';
import { IntakeFullError, RateLimitedError } from '../event/event.failure.js';
import { resultsOf } from '../event/event.mapper.js';
import type { EventRates } from '../event/event.rates.js';
import { jsonOrText } from '../event/event.text.js';
import type { EventWriter } from '../event/event.writer.js';
import { AT_ONCE, MOST_MESSAGE_BYTES, MOST_MESSAGE_EVENTS, OversizedMessage, type StreamGate } from './intake.gate.js';
import type { PlanReader } from './intake.routes.js';

/** The results of all events are one answer, which must fit into a message. */
const MOST_EVENTS = 100_000;

export interface StreamParts {
  readonly writer: EventWriter;
  readonly rates: EventRates;
  readonly plans: PlanReader;
  /** Told of each message that is settled. */
  readonly gate: Pick<StreamGate, 'leave'>;
}

/** The events of one stream, from their first message to the answer. */
export class EventStream {
  /** Of the events from the beginning on that are committed. */
  readonly results: ingestion.EventResult[] = [];
  private readonly underWay: Promise<ingestion.EventResult[]>[] = [];

  constructor(
    private readonly parts: StreamParts,
    private readonly sender: Principal & { workspaceId: string },
    private readonly signal: AbortSignal,
  ) {}

  /** Reads as fast as events are committed, and no faster. */
  async take(messages: AsyncIterable<intake.StreamEventsRequest>): Promise<intake.StreamEventsResponse> {
    let events = 0;
    for await (const message of messages) {
      this.signal.throwIfAborted();
      events += message.events.length;
      if (events > MOST_EVENTS) throw refusal('STREAM_TOO_LONG', `A stream takes at most ${MOST_EVENTS} events. End it, and begin another one.`);
      if (message instanceof OversizedMessage) {
        const { eventCount, bytes } = message;
        throw refusal('MESSAGE_TOO_LARGE', `A message has ${eventCount} events of ${bytes} characters; ${MOST_MESSAGE_EVENTS} of ${MOST_MESSAGE_BYTES} are allowed. Send smaller ones.`);
      }
      if (this.underWay.length === AT_ONCE) await this.settleFirst();
      const stored = this.store(message).finally(() => this.parts.gate.leave(message));
      // Whoever awaits it hears of its failure, also when reading fails first.
      stored.catch(() => undefined);
      this.underWay.push(stored);
    }
    this.signal.throwIfAborted();
    while (this.underWay.length > 0) await this.settleFirst();
    const count = (outcome: ingestion.EventOutcome) => this.results.filter((result) => result.outcome === outcome).length;
    const { STORED, DUPLICATE, REJECTED } = ingestion.EventOutcome;
    return { results: this.results, stored: count(STORED), duplicate: count(DUPLICATE), rejected: count(REJECTED) };
  }

  private async settleFirst(): Promise<void> {
    this.results.push(...((await this.underWay.shift()) ?? []));
  }

  private async store({ events, sentAt }: intake.StreamEventsRequest): Promise<ingestion.EventResult[]> {
    const { writer, rates, plans } = this.parts;
    const { workspaceId, actor } = this.sender;
    await this.patiently(() => rates.take(actor, events.length));
    const envelope = {
      receivedAt: new Date(),
      sentAt: sentAt === undefined ? undefined : Date.parse(sentAt),
      maxBytes: MAX_EVENT_BYTES.http,
      plan: plans.of(workspaceId),
    };
    const items = events.map((event) => decodeEvent(jsonOrText(event), envelope));
    return resultsOf(items, await this.patiently(() => writer.submit(workspaceId, 'grpc', items)));
  }

  /** Where others are told to come again later, a stream waits: its sender is held back by flow control. */
  private async patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RateLimitedError || error instanceof IntakeFullError)) throw error;
        await wait(error.retryAfterSeconds * 1_000, undefined, { signal: this.signal });
      }
    }
  }
}

function refusal(reason: string, message: string): RpcError {
  return RpcError.invalid(message, { reason });
}
