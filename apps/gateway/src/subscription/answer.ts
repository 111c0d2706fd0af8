import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql';

import { costOf, LIMITS } from '../admission/limit.js';
import type { GatewayContext } from '../graphql/context.js';
import { arrived } from './arrived.js';
import { endingFirst } from './ending.first.js';
import { BOUNDS } from './subscription.bounds.js';

/** A subscription that was let in, and who asks. */
export interface Subscription extends ExecutionArgs {
  readonly contextValue: Pick<GatewayContext, 'renewed'>;
}

/**
 * A subscription's answers, in the order of its events. Events that have arrived are answered together, as the rows of a list are: what they
 * ask of the services goes in few calls, begun after the last of them arrived, so that no answer is older than its event. No event waits for
 * others to come.
 */
export async function answer(subscription: Subscription): Promise<AsyncIterableIterator<ExecutionResult, undefined> | ExecutionResult> {
  const events = await createSourceEventStream(subscription);
  if (!(Symbol.asyncIterator in events)) return events;
  const source = events[Symbol.asyncIterator]();
  return endingFirst(answers(subscription, events), () => source.return?.());
}

async function* answers(subscription: Subscription, events: AsyncIterable<unknown>): AsyncGenerator<ExecutionResult, undefined> {
  for await (const chunk of arrived(events, answeredAtOnce(subscription))) {
    const contextValue = await subscription.contextValue.renewed();
    yield* await Promise.all(chunk.map((rootValue) => execute({ ...subscription, rootValue, contextValue })));
  }
  return undefined;
}

/** Together they cost no more than one operation may. */
function answeredAtOnce(subscription: Subscription): number {
  const affordable = Math.floor(LIMITS.cost / Math.max(costOf(subscription), 1));
  return Math.max(Math.min(affordable, BOUNDS.answeredAtOnce), 1);
}
