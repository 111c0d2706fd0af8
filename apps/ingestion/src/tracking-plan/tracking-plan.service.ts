import { isDeepStrictEqual } from 'node:util';

import { isStorable } from '#libs/database';
import { RpcError } from '#libs/grpc';

import { isStorableJson } from '../event/event.text.js';
import type { TrackingPlanBook } from './tracking-plan.book.js';
import type { PlanChange, PlanEventRow, PlanMode, PlanRows, TrackingPlanRepository } from './tracking-plan.repository.js';
import { compileSchema } from './tracking-plan.schema.js';
import { SchemaError } from './tracking-plan.weight.js';

const MOST_EVENTS = 500;
/** Every replica holds every plan. */
const MOST_BYTES = 1024 * 1024;
const MAX_NAME = 255;
const ATTEMPTS = 5;

export interface Declaration {
  readonly event: string;
  /** JSON; empty: as it is declared now. */
  readonly schema: string;
  /** Undefined: as it stands now. */
  readonly mode: PlanMode | undefined;
}

/** Changes of a workspace's plan: each a new version of it. */
export class TrackingPlanService {
  constructor(
    private readonly repository: TrackingPlanRepository,
    private readonly book: TrackingPlanBook,
  ) {}

  get(workspaceId: string): Promise<PlanRows> {
    return this.repository.read(workspaceId);
  }

  async set(workspaceId: string, actor: string, { event, schema: text, mode: given }: Declaration): Promise<PlanRows> {
    if (event.trim() === '' || event.length > MAX_NAME || !isStorable(event)) {
      throw RpcError.invalid(`An event has a name of 1 to ${MAX_NAME} characters.`, { reason: 'SCHEMA_INVALID', metadata: { path: '' } });
    }
    const read = text === '' ? undefined : readSchema(text);
    return this.change(workspaceId, ({ events }) => {
      const present = events.find(({ event_name }) => event_name === event);
      const schema = read ?? present?.schema;
      const mode = given ?? present?.mode ?? 'OBSERVE';
      if (!schema) throw unknown(event);
      if (present?.mode === mode && isDeepStrictEqual(present.schema, schema)) return undefined;
      checkRoom(events.filter((row) => row !== present), schema);
      return { event, to: { schema, mode }, actor };
    });
  }

  async remove(workspaceId: string, actor: string, event: string): Promise<PlanRows> {
    return this.change(workspaceId, ({ events }) => {
      if (!events.some(({ event_name }) => event_name === event)) throw unknown(event);
      return { event, to: undefined, actor };
    });
  }

  /** `decide` is asked again where another change came between. */
  private async change(workspaceId: string, decide: (present: PlanRows) => PlanChange | undefined): Promise<PlanRows> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const present = await this.repository.read(workspaceId);
      const change = decide(present);
      if (!change) return present;
      if (!(await this.repository.change(workspaceId, present.version, change))) continue;
      await this.book.look();
      return this.repository.read(workspaceId);
    }
    throw RpcError.precondition('The plan is being changed by others all the time. Try again.', { reason: 'PLAN_BUSY' });
  }
}

function readSchema(text: string): Record<string, unknown> {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
    compileSchema(schema);
  } catch (error) {
    if (error instanceof SchemaError) throw RpcError.invalid(error.message, { reason: 'SCHEMA_INVALID', metadata: { path: error.path } });
    if (error instanceof SyntaxError) throw RpcError.invalid(`The schema is no JSON: ${error.message}`, { reason: 'SCHEMA_INVALID', metadata: { path: '' } });
    throw error;
  }
  if (!isStorableJson(schema, text)) {
    throw RpcError.invalid('A text in the schema holds a NUL character or half of a surrogate pair, which no text can keep.', { reason: 'SCHEMA_INVALID', metadata: { path: '' } });
  }
  return schema as Record<string, unknown>;
}

function checkRoom(others: readonly PlanEventRow[], schema: object): void {
  const bytes = [...others.map((row) => row.schema), schema].reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)), 0);
  if (others.length < MOST_EVENTS && bytes <= MOST_BYTES) return;
  throw RpcError.precondition(`A plan has at most ${MOST_EVENTS} events and ${MOST_BYTES} bytes of schemas. Take out what no sender sends any more.`, { reason: 'PLAN_FULL' });
}

function unknown(event: string): RpcError {
  return RpcError.notFound(`The plan declares no event "${event.slice(0, MAX_NAME)}".`, { reason: 'PLAN_EVENT_UNKNOWN' });
}
