import { Injectable } from '@nestjs/common';

import type { unusualEvent } from '#libs/contracts';

import { unusualEventCursor } from '../change/change.cursor.js';
import { NoveltyService } from '../foresight/novelty.service.js';
import { isoOf } from '../time/micros.js';
import { measuredThreshold } from './threshold.js';
import type { NamedEvent } from './unusual.event.repository.js';
import { UnusualRepository } from './unusual.repository.js';

/** Events that are judged at once: of at most as many customers, whose lives are read again for it, which is what the worker takes in one call. */
export const EVENTS_AT_ONCE = 100;

/** Which events are unusual, by what is ordinary to the served model; none where it measured nothing of events. */
@Injectable()
export class UnusualEventJudge {
  constructor(
    private readonly bounds: UnusualRepository,
    private readonly novelty: NoveltyService,
  ) {}

  /** Those of at most EVENTS_AT_ONCE that are, in their order. Rejects while the worker is away. */
  async unusualOf(workspaceId: string, events: readonly NamedEvent[]): Promise<unusualEvent.UnusualEvent[]> {
    if (events.length === 0) return [];
    const { ordinary, setting } = await this.bounds.bounds(workspaceId);
    const threshold = measuredThreshold(ordinary?.events, setting)?.threshold;
    if (threshold === undefined) return [];
    const judged = await this.novelty.ofEvents(workspaceId, { events: events.map(({ customerId, eventId }) => ({ customerId, eventId })) });
    const novelty = new Map(judged.events.map((one) => [one.eventId, one.novelty]));
    return events.flatMap((event) => {
      const value = novelty.get(event.eventId);
      return value === undefined || value < threshold ? [] : [toUnusualEvent(event, value, threshold, judged.modelId)];
    });
  }
}

function toUnusualEvent({ customerId, eventId, type, name, occurredAt, horizon, sequence }: NamedEvent, novelty: number, threshold: number, modelId: string): unusualEvent.UnusualEvent {
  return {
    cursor: unusualEventCursor.write([horizon, sequence]),
    customerId, eventId, type,
    name: name ?? '',
    occurredAt: isoOf(occurredAt),
    novelty, threshold, modelId,
  } satisfies unusualEvent.UnusualEvent;
}
