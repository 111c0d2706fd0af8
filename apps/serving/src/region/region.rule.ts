import { Inject, Injectable } from '@nestjs/common';

import type { rule, worker } from '#libs/contracts';

import { figuresOf } from '../explanation/own.figures.js';
import { toScoreEvent } from '../scoring/customer.reading.js';
import { FeedRepository } from '../scoring/feed.repository.js';
import { ScoringRepository } from '../scoring/scoring.repository.js';
import { RULE_WORKER, type RuleWorkerClient } from '../store.js';

/** Customers whose histories are read; a rule of so many is measured to some hundredths. */
const MEMBERS = 300;
const OTHERS = 600;
const EVENTS_COUNTED = 15;
const SEED = 1;
const END = { horizon: Number.MAX_SAFE_INTEGER, sequence: Number.MAX_SAFE_INTEGER };
const DAYS = 'days';
const FIXED = { recency: DAYS, recency_main: DAYS, tenure: DAYS, main_count: 'times' } as const;

/** A rule in words for customers whom no rule made: by what can be counted of their events. */
@Injectable()
export class RegionRule {
  constructor(
    @Inject(RULE_WORKER) private readonly worker: RuleWorkerClient,
    private readonly feed: FeedRepository,
    private readonly scoring: ScoringRepository,
  ) {}

  /** Undefined where there are too few to tell apart. Rejects with what the worker says where it is away. */
  async of(workspaceId: string, modelId: string, members: readonly string[], others: readonly string[]): Promise<rule.SegmentRule | undefined> {
    const chosen = [...evenly(members, MEMBERS).map((id) => ({ id, isMember: true })), ...evenly(others, OTHERS).map((id) => ({ id, isMember: false }))];
    const ids = chosen.map(({ id }) => id);
    const [events, states] = await Promise.all([this.feed.ofCustomers(workspaceId, ids, END), this.scoring.states(workspaceId, modelId, ids)]);
    const byCustomer = Map.groupBy(events, ({ customerId }) => customerId);
    const mains = new Set(states.flatMap(({ forecast }) => forecast.shape.targets.map(([event]) => event)));
    const counts = Map.groupBy(events.flatMap(({ name }) => (name === null ? [] : [name])), (name) => name);
    const names = [...counts].sort(([, a], [, b]) => b.length - a.length).slice(0, EVENTS_COUNTED).map(([name]) => name);
    const units: Record<string, string> = {
      ...FIXED, ...Object.fromEntries(names.flatMap((name) => [[`event_rate:${name}`, 'per month'], [`event_share:${name}`, 'share']])),
    };
    const held = new Map(states.map((state) => [state.customerId, state]));
    const rows = chosen.flatMap(({ id, isMember }) => {
      const state = held.get(id);
      const theirs: worker.ScoreEvent[] = (byCustomer.get(id) ?? []).map(toScoreEvent);
      return state && theirs.length > 0 ? [{ isMember, figure: figuresOf(theirs, mains, state.readAt) }] : [];
    });
    const isTold = (of: boolean) => rows.filter(({ isMember }) => isMember === of).length >= 2;
    if (!isTold(true) || !isTold(false)) return undefined;
    const traits = Object.entries(units).map(([key, unit]) => ({ key, unit, values: rows.map(({ figure }) => figure(key) ?? Number.NaN) }));
    const { rule: made } = await this.worker.distillRule({ traits, members: rows.map(({ isMember }) => isMember), mainEvent: [...mains][0] ?? '', seed: SEED });
    return made;
  }
}

function evenly(ids: readonly string[], most: number): string[] {
  const step = Math.max(1, ids.length / most);
  return Array.from({ length: Math.min(most, ids.length) }, (_, at) => ids[Math.floor(at * step)] ?? '');
}
