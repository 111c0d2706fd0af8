import type { foresight, pastReading } from '#libs/contracts';

import type { Backends } from '../backend/backends.js';

/** What is asked of one customer. */
export interface RecommendationKey {
  readonly customerId: string;
  readonly first: number;
  readonly excludeOwned: boolean;
  /** By what they had done by then; undefined: now. */
  readonly asOf: string | undefined;
}

/** As many customers as serving takes in one call for items, or for events. */
const MOST_CUSTOMERS = 100;

export async function forecastsOf(rpc: Backends, customerIds: readonly string[]): Promise<foresight.TimedForecast[][]> {
  const { customers } = await rpc.foresight.getForecasts({ customerIds: [...new Set(customerIds)] });
  const byId = new Map(customers.map(({ customerId, forecasts }) => [customerId, forecasts]));
  return customerIds.map((id) => byId.get(id) ?? []);
}

/** One call for all customers of whom the same is asked, up to as many as serving takes. */
export async function recommendationsOf(rpc: Backends, keys: readonly RecommendationKey[]): Promise<foresight.ItemRecommendation[][]> {
  const answers = new Map<string, foresight.ItemRecommendation[]>();
  const calls = [...Map.groupBy(keys, wish).values()].flatMap((group) => chunks(unique(group.map(({ customerId }) => customerId))).map((ids) => ({ ids, of: group[0] })));
  await Promise.all(
    calls.map(async ({ ids, of }) => {
      if (!of) return;
      const { customers } = await rpc.foresight.recommendItems({ customerIds: ids, first: of.first, excludeOwned: of.excludeOwned, asOf: of.asOf });
      for (const { customerId, items } of customers) answers.set(`${customerId}|${wish(of)}`, items);
    }),
  );
  return keys.map((key) => answers.get(`${key.customerId}|${wish(key)}`) ?? []);
}

export async function eventNoveltyOf(rpc: Backends, keys: readonly foresight.EventKey[]): Promise<(number | undefined)[]> {
  const byCustomer = Map.groupBy(keys, ({ customerId }) => customerId);
  const calls = chunks([...byCustomer.keys()]).map((ids) => ids.flatMap((id) => byCustomer.get(id) ?? []));
  const answers = await Promise.all(calls.map((events) => rpc.foresight.getEventNovelty({ events })));
  const byEvent = new Map(answers.flatMap(({ events }) => events.map(({ eventId, novelty }) => [eventId, novelty])));
  return keys.map(({ eventId }) => byEvent.get(eventId));
}

/** One call for each time that is asked for, up to as many customers as serving takes; one after the other, for each is work for the model. */
export async function pastReadingsOf(rpc: Backends, keys: readonly { customerId: string; asOf: string }[]): Promise<(pastReading.PastReading | undefined)[]> {
  const answers = new Map<string, pastReading.PastReading>();
  for (const [asOf, group] of Map.groupBy(keys, (key) => key.asOf)) {
    for (const customerIds of chunks(unique(group.map(({ customerId }) => customerId)))) {
      const { customers } = await rpc.pastReadings.readPast({ customerIds, asOf });
      for (const reading of customers) if (reading.known) answers.set(`${reading.customerId}|${asOf}`, reading);
    }
  }
  return keys.map(({ customerId, asOf }) => answers.get(`${customerId}|${asOf}`));
}

/** Tells apart what is asked of customers. */
function wish({ first, excludeOwned, asOf = '' }: RecommendationKey): string {
  return `${first}|${excludeOwned}|${asOf}`;
}

export function recommendationName(key: RecommendationKey): string {
  return `${key.customerId}|${wish(key)}`;
}

function chunks(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / MOST_CUSTOMERS) }, (_, at) => ids.slice(at * MOST_CUSTOMERS, (at + 1) * MOST_CUSTOMERS));
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
