import { CLEAR } from '../../apps/serving/src/scoring/assignment.rule.js';
import { readFake } from './score-worker.fake.js';
import type { ServingHouse } from './serving-house.js';

export interface StoredState {
  customer: string;
  index: number;
  /** Another segment that the last reading spoke for, too weakly to move there. */
  candidate: number | null;
  readAt: number;
  events: number;
  strength: number;
  embedding: Buffer;
  state: Buffer;
}

/** Of the served model, in order of customers. */
export async function statesOf(house: ServingHouse, workspaceId: string): Promise<StoredState[]> {
  const { rows } = await house.owner.query<StoredState>(
    `select s.customer_id as customer, s.segment_index as index, s.candidate_index as candidate, (extract(epoch from s.read_at) * 1000000)::float8 as "readAt",
       s.events::float8 as events, s.strength, s.embedding, s.state
     from serving.customer_states s join serving.active_model a using (workspace_id, model_id) where s.workspace_id = $1 order by 1`,
    [workspaceId],
  );
  return rows;
}

/**
 * Every state equals the one computed from nothing at its recorded read time, to the last bit; whoever is in another
 * segment than that reading says is held back by the rule of assignment.
 */
export async function expectRecomputed(house: ServingHouse, workspaceId: string, uri: string): Promise<void> {
  const { rows } = await house.owner.query<{ customer: string; name: string; at: number; properties: string }>(
    `select subject_id as customer, name, (extract(epoch from occurred_at) * 1000000)::float8 as at, properties::text as properties
     from ingestion.events where workspace_id = $1 order by occurred_at, sequence`,
    [workspaceId],
  );
  const byCustomer = Map.groupBy(rows, ({ customer }) => customer);
  const stored = await statesOf(house, workspaceId);
  expect(stored.length).toBe(byCustomer.size);
  for (const { customer, index, candidate, readAt, state, embedding, events } of stored) {
    const theirs = byCustomer.get(customer) ?? [];
    const scratch = readFake(uri, Buffer.alloc(0), theirs.map(({ name, at, properties }) => ({ name, occurredAt: at, properties: Buffer.from(properties) })), readAt);
    expect({ customer, events, index, state: JSON.parse(state.toString()) as unknown, embedding }).toEqual({
      customer,
      events: theirs.length,
      index: candidate === scratch.segmentIndex && scratch.strength < CLEAR ? index : scratch.segmentIndex,
      state: JSON.parse(Buffer.from(scratch.state).toString()) as unknown,
      embedding: Buffer.from(scratch.embedding),
    });
  }
}
