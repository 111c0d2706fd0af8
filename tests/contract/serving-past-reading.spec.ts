import { access, explanation, pastReading } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const MINUTE = 60_000;
/** Workspaces here live by their data, so that each moment of the story is known. */
const BEGAN = Date.parse('2011-12-08T10:00:00Z');
const MOVED = Date.parse('2011-12-08T11:00:00Z');

let house: ServingHouse;
let replica: ServingReplica;
let readings: ReturnType<typeof connect<typeof pastReading.PastReadingServiceService>>;
let explanations: ReturnType<typeof connect<typeof explanation.ExplanationServiceService>>;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
  readings = connect(pastReading.PastReadingServiceService, replica.address);
  explanations = connect(explanation.ExplanationServiceService, replica.address);
});
afterAll(async () => {
  readings.close();
  explanations.close();
  await house.close();
});

const iso = (at: number) => new Date(at).toISOString();
const orders = (customerId: string, count: number, at: number) => Array.from({ length: count }, () => ({ customerId, name: 'Order Completed', at }));
const read = ({ call }: TestWorkspace, customerIds: string[], at: number) => readings.readPast({ customerIds, asOf: iso(at) }, call);
const explain = ({ call }: TestWorkspace, customerId: string, segmentId: string, at?: number) =>
  explanations.explainMembership({ customerId, segmentId, asOf: at === undefined ? undefined : iso(at) }, call);

/** One order each at BEGAN; the first of them orders twice more at MOVED, and an alien comes then. */
async function story(): Promise<{ workspace: TestWorkspace; mover: string; other: string; alien: string; modelId: string }> {
  const workspace = await house.workspace(access.Clock.DATA);
  const [mover = '', other = '', alien = ''] = await house.customers(workspace.id, 3);
  await house.track(workspace.id, [mover, other].flatMap((id) => orders(id, 1, BEGAN)));
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  await house.track(workspace.id, [...orders(mover, 2, MOVED), { customerId: alien, name: 'Alien', at: MOVED }]);
  await until(() => place(workspace, alien), ({ known }) => known);
  await until(() => place(workspace, mover), ({ mapX }) => mapX === 3);
  return { workspace, mover, other, alien, modelId: first.id };
}

async function place({ call }: TestWorkspace, customerId: string) {
  const { customers: [found] } = await replica.memberships.getCustomerMemberships({ customerIds: [customerId] }, call);
  if (!found) throw new Error('a customer was left out');
  return found;
}

const segmentOf = async (workspace: TestWorkspace, customerId: string) => (await place(workspace, customerId)).memberships[0]?.segmentId ?? '';

test('a customer is read as they were before an event, at it, and as they are known now', async () => {
  const { workspace, mover, alien, modelId } = await story();
  const at = async (time: number) => (await read(workspace, [mover, alien], time)).customers;
  const [before, came] = [await at(MOVED - 1), await at(MOVED)];
  expect(before.map(({ known, mapX }) => [known, mapX])).toEqual([[true, 1], [false, 0]]);
  expect(came.map(({ known, mapX, novelty }) => [known, mapX, novelty])).toEqual([[true, 3, 0.1], [true, 0, 0.99]]);
  expect(before[0]?.forecasts).toMatchObject([{ event: 'Order Completed', probability: 0.1, asOf: iso(MOVED - 1), modelId }]);
  expect(came[0]?.forecasts).toMatchObject([{ probability: 0.3, asOf: iso(MOVED), modelId }]);
});

test('as of the time of their present reading a customer is read as is kept of them', async () => {
  const { workspace, mover, other, alien } = await story();
  const ids = [mover, other, alien];
  const { customers: kept } = await replica.foresight.getForecasts({ customerIds: ids }, workspace.call);
  for (const [at, id] of ids.entries()) {
    const asOf = kept[at]?.forecasts[0]?.asOf ?? '';
    const { customers: [again] } = await read(workspace, [id], Date.parse(asOf));
    const { novelty, mapX, mapY } = await place(workspace, id);
    expect(again).toEqual({ customerId: id, known: true, novelty, mapX, mapY, forecasts: kept[at]?.forecasts });
  }
});

test('what came late belongs to the time at which it happened', async () => {
  const { workspace, other } = await story();
  expect((await read(workspace, [other], BEGAN + MINUTE)).customers[0]?.mapX).toBe(1);
  await house.track(workspace.id, orders(other, 1, BEGAN + MINUTE));
  const late = await until(() => read(workspace, [other], BEGAN + MINUTE), ({ customers }) => customers[0]?.mapX === 2);
  expect(late.customers[0]?.forecasts[0]?.asOf).toBe(iso(BEGAN + MINUTE));
  expect((await read(workspace, [other], BEGAN + MINUTE - 1)).customers[0]?.mapX).toBe(1);
});

test('many customers are read in few requests to the model, and nobody is read who had done nothing', async () => {
  const { workspace, mover, other } = await story();
  const more = await house.customers(workspace.id, 90);
  const asked = house.worker.batches.length;
  const { customers } = await read(workspace, [...more, mover, other, 'nonsense'], MOVED);
  expect(customers.map(({ known }) => known)).toEqual([...more.map(() => false), true, true, false]);
  expect(house.worker.batches.slice(asked).filter((size) => size > 0).length).toBeLessThanOrEqual(2);
});

test('the reason of a past membership is of what had happened by then, and of the segment of then', async () => {
  const { workspace, mover, other, modelId } = await story();
  const [few, many] = [await segmentOf(workspace, other), await segmentOf(workspace, mover)];
  expect(few).not.toBe(many);
  const then = await explain(workspace, mover, few, MOVED - 1);
  expect(then).toMatchObject({ modelId, events: [{ event: 'Order Completed', firstAt: iso(BEGAN) }], strength: 0.9 });
  expect(Date.parse(then.readAt ?? '')).toBe(MOVED - 1);
  expect((await explain(workspace, mover, many, MOVED)).events).toHaveLength(3);
  expect((await explain(workspace, mover, many)).events).toHaveLength(3);
  await expect(explain(workspace, mover, many, MOVED - 1)).rejects.toMatchObject({ reason: 'NO_MEMBERSHIP' });
  await expect(explain(workspace, mover, few, MOVED)).rejects.toMatchObject({ reason: 'NO_MEMBERSHIP' });
});

test('a segment that the served model does not draw has no reasons any more', async () => {
  const { workspace, mover, other } = await story();
  const few = await segmentOf(workspace, other);
  const second = model();
  await house.prepare(replica, workspace, second);
  await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
  await expect(explain(workspace, mover, few, MOVED - 1)).rejects.toMatchObject({ reason: 'NO_MEMBERSHIP', message: expect.stringContaining('that the served model draws') });
});

test('a time to come, none at all and too many customers are refused; without a model nobody is known', async () => {
  const { workspace, mover, other } = await story();
  const few = await segmentOf(workspace, other);
  await expect(read(workspace, [mover], MOVED + 1)).rejects.toMatchObject({ reason: 'AS_OF_INVALID', message: expect.stringContaining('Ask for that time or an earlier one') });
  await expect(explain(workspace, mover, few, MOVED + 1)).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
  await expect(readings.readPast({ customerIds: [mover], asOf: undefined }, workspace.call)).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
  await expect(read(workspace, Array.from({ length: 101 }, () => mover), MOVED)).rejects.toMatchObject({ reason: 'TOO_MANY_IDS' });
  const empty = await house.workspace();
  expect(await read(empty, [mover], MOVED)).toMatchObject({ modelId: '', customers: [{ known: false }] });
});
