import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { rule, worker } from '#libs/contracts';
import type { Database, schema } from '#libs/database';

import type { Level } from '../activation/segment.levels.js';
import type { PageAsked } from '../page/page.js';
import { NIL } from '../page/uuid.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';
import { drawingOf, partsOf, wholeOf } from './drawing.sql.js';

/** Which drawing of the segments is asked for, and as of when. */
export interface SegmentView {
  /** Null: the served model. */
  readonly modelId: string | null;
  /** Null: now. */
  readonly asOf: string | null;
  /** Null: all that are live (or drawn by the model asked for). */
  readonly ids: readonly string[] | null;
}

export interface LineageRow extends Pick<schema.SegmentLineage, 'kind' | 'modelId' | 'at' | 'relatedSegmentIds' | 'overlap'> {
  readonly segmentId: string;
}

/** A segment with its latest drawing (or the one asked for), its life and its size. */
export interface SegmentRow extends Pick<schema.Segment, 'id' | 'kind' | 'name' | 'description' | 'isRenamed' | 'createdAt' | 'retiredAt'> {
  readonly modelId: string | null;
  /** Null where no model drew it. */
  readonly level: Level | null;
  readonly parentId: string | null;
  readonly childIds: string[];
  readonly rule: rule.SegmentRule | null;
  readonly stability: number | null;
  readonly traits: worker.SegmentTrait[] | null;
  readonly typicalCustomerIds: string[] | null;
  readonly size: number;
  readonly lineage: LineageRow[];
}

/** Whom sizes are over. */
export interface Counted {
  /** Empty while no model is served. */
  readonly modelId: string;
  /** Customers that the model has read: those in a segment, and those unlike anything it has seen. */
  readonly placed: number;
  readonly unseen: number;
  readonly newestEventAt: Micros | null;
  /** When another model than the served one last read anybody; null: now, or the time that was asked for. */
  readonly readAt: Micros | null;
}

export interface SegmentList extends Counted {
  readonly segments: SegmentRow[];
}

export interface VersionRow extends Pick<schema.SegmentVersion, 'segmentId' | 'modelId' | 'name' | 'description' | 'stability' | 'createdAt'> {
  readonly rule: rule.SegmentRule | null;
  readonly traits: worker.SegmentTrait[];
  readonly sizeAtDiscovery: number;
  readonly createdMicros: Micros;
}

export type Rename = 'RENAMED' | 'UNKNOWN' | 'NAME_TAKEN';

const NAME_INDEX = 'segments_name';

const columnsOf = (model: string) => `s.id, s.kind, s.is_renamed as "isRenamed", s.created_at as "createdAt", s.retired_at as "retiredAt",
    case when ${model} is null or s.is_renamed then s.name else v.name end as name,
    case when ${model} is null or s.is_redescribed then s.description else v.description end as description,
    v.model_id as "modelId", v.level, v.stability, v.traits, v.typical_customer_ids as "typicalCustomerIds", v.rule,
    (${wholeOf('v')}) as "parentId", array(${partsOf('v')}) as "childIds"`;
/*
 * Segments as the served model draws them, else as the newest model did that drew them at all; as one other
 * model does where that is asked for ($1).
 */
const SEGMENTS = `select ${columnsOf('$1::uuid')}
  from serving.segments s left join lateral (${drawingOf('s.id', '$1::uuid')}) v on true
  where case when $2::uuid[] is not null then s.id = any($2) else $1::uuid is not null or s.is_live or s.id = any($3) end
    and ($1::uuid is null or v.model_id is not null)`;
/** As each of the models $1 draws them. */
const SEGMENTS_OF_MODELS = `select ${columnsOf('m.id')}
  from unnest($1::uuid[]) as m(id) cross join serving.segments s cross join lateral (${drawingOf('s.id', 'm.id')}) v`;
const OTHER_MODELS = `select model_id as "modelId", ${microsSql('newest_event_at')} as "newestEventAt",
    (select ${microsSql('max(s.read_at)')} from serving.customer_states s where s.model_id = m.model_id) as "readAt"
  from serving.shadow_models m where model_id = any($1::uuid[])`;

// Each customer counts once among all: not again in the part of their segment that they are in, nor in what people defined.
const SIZES_NOW = `select segment_id as id, members::float8 as size, exists (
    select from serving.segment_versions v where v.segment_id = z.segment_id and v.level = 'FINER')
    or exists (select from serving.segments s where s.id = z.segment_id and s.kind <> 'LEARNED') as "isPart"
  from serving.segment_sizes z`;
const SIZES_THEN = `select place.id, count(*)::float8 as size, "isPart" from serving.memberships,
    lateral (values (coalesce(segment_id, '${NIL}'), level is null), (finer_segment_id, true)) as place(id, "isPart")
  where since <= $1 and (until is null or until > $1) and place.id is not null group by 1, 3`;
const SIZES_OF_MODELS = `select s.model_id as "modelId", coalesce(v.segment_id, '${NIL}') as id, count(*)::float8 as size, "isPart"
  from serving.customer_states s cross join lateral (values (s.segment_index, false), (s.finer_index, true)) as place(index, "isPart")
  left join serving.segment_versions v on v.model_id = s.model_id and v.segment_index = place.index
  where s.model_id = any($1::uuid[]) and (v.segment_id is not null or not "isPart") group by 1, 2, 4`;
/** Of each of the segments $1. */
const VERSIONS = `select v.* from unnest($1::uuid[]) as e(id) cross join lateral (
    select * from (
      select segment_id as "segmentId", model_id as "modelId", name, description, stability, traits, rule, size_at_discovery::float8 as "sizeAtDiscovery",
        created_at as "createdAt", ${microsSql('created_at')} as "createdMicros"
      from serving.segment_versions where segment_id = e.id) as d
    where $2::float8 is null or ("createdMicros", "modelId") < ($2, $3::uuid)
    order by "createdMicros" desc, "modelId" desc limit $4) as v
  order by e.id, v."createdMicros" desc, v."modelId" desc`;
const VERSION_COUNTS = `select segment_id as "segmentId", count(*)::float8 as total from serving.segment_versions where segment_id = any($1::uuid[]) group by segment_id`;

@Injectable()
export class SegmentRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Segments with sizes and lineage: four statements, however many there are. */
  list(workspaceId: string, view: SegmentView): Promise<SegmentList> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { model, sizes, rows } = view.modelId === null && view.asOf === null ? await readNow(client, view.ids) : await readThen(client, view);
      return listOf({ model, sizes, rows }, await this.lineage(client, rows.map(({ id }) => id)));
    });
  }

  /** As each of the models draws them: as many statements for many models as for one that is served, or for one that is not. */
  listOfModels(workspaceId: string, modelIds: readonly string[]): Promise<Map<string, SegmentList>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const served = await readServed(client);
      const others = modelIds.filter((id) => id !== served?.modelId);
      const models = await readOthers(client, others);
      const sizes = await readSizesOf(client, others);
      if (served && others.length < modelIds.length) {
        models.set(served.modelId, served);
        sizes.set(served.modelId, await readSizes(client, null, null));
      }
      const { rows } = await client.query<Drawn & { modelId: string }>(SEGMENTS_OF_MODELS, [modelIds]);
      const lineage = await this.lineage(client, [...new Set(rows.map(({ id }) => id))]);
      const byModel = Map.groupBy(rows, ({ modelId }) => modelId);
      return new Map(modelIds.map((id) => [id, listOf({ model: models.get(id), sizes: sizes.get(id) ?? new Map(), rows: byModel.get(id) ?? [] }, lineage)]));
    });
  }

  /** Of each segment, newest first, one row more than asked for; with how many there are where that is asked for: as many statements for many as for one. */
  versions(
    workspaceId: string,
    segmentIds: readonly string[],
    { first, after }: PageAsked<readonly [number, string]>,
    withTotal: boolean,
  ): Promise<{ rows: ReadonlyMap<string, VersionRow[]>; totals: ReadonlyMap<string, number> }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<VersionRow>(VERSIONS, [segmentIds, after?.[0] ?? null, after?.[1] ?? null, first + 1]);
      const counted = withTotal ? (await client.query<{ segmentId: string; total: number }>(VERSION_COUNTS, [segmentIds])).rows : [];
      return { rows: Map.groupBy(rows, ({ segmentId }) => segmentId), totals: new Map(counted.map(({ segmentId, total }) => [segmentId, total])) };
    });
  }

  async rename(workspaceId: string, id: string, name: string, description: string | undefined): Promise<Rename> {
    try {
      return await this.database.onConnection(workspaceId, async (client) => {
        const { rowCount } = await client.query(
          `update serving.segments set name = $2, is_renamed = true, description = coalesce($3, description),
             is_redescribed = is_redescribed or $3::text is not null where id = $1`,
          [id, name, description ?? null],
        );
        return rowCount === 1 ? 'RENAMED' : 'UNKNOWN';
      });
    } catch (error) {
      if ((error as { constraint?: string }).constraint === NAME_INDEX) return 'NAME_TAKEN';
      throw error;
    }
  }

  private async lineage(client: PoolClient, ids: readonly string[]): Promise<Map<string, LineageRow[]>> {
    const { rows } = await client.query<LineageRow>({
      name: 'segment-lineage',
      text: `select segment_id as "segmentId", kind, model_id as "modelId", at, related_segment_ids as "relatedSegmentIds", overlap
        from serving.segment_lineage where segment_id = any($1::uuid[]) order by id`,
      values: [ids],
    });
    return Map.groupBy(rows, ({ segmentId }) => segmentId);
  }
}

/** Customers by segment; `isPart` where they count elsewhere too. */
type Sizes = Map<string, { readonly size: number; readonly isPart: boolean }>;
interface SizeRow {
  readonly id: string;
  readonly size: number;
  readonly isPart: boolean;
}

/** Nobody is counted in a coarser segment: all of its parts are. */
function sizeOf({ id, level, childIds }: Drawn, sizes: Sizes): number {
  const counted = level === 'COARSER' ? childIds : [id];
  return counted.reduce((sum, one) => sum + (sizes.get(one)?.size ?? 0), 0);
}

type Drawn = Omit<SegmentRow, 'size' | 'lineage'>;

interface Read {
  readonly model: CountingModel | undefined;
  readonly sizes: Sizes;
  readonly rows: Drawn[];
}

type CountingModel = Pick<Counted, 'modelId' | 'newestEventAt'> & { readonly readAt?: Micros | null };

async function readServed(client: PoolClient): Promise<CountingModel | undefined> {
  const { rows } = await client.query<CountingModel>({
    name: 'served-model',
    text: `select model_id as "modelId", ${microsSql('newest_event_at')} as "newestEventAt"
      from serving.active_model join serving.shadow_models using (workspace_id, model_id)`,
  });
  return rows[0];
}

/** Nobody follows events by a model that is not served: what it says is as of its last reading. */
async function readOthers(client: PoolClient, modelIds: readonly string[]): Promise<Map<string, CountingModel>> {
  const { rows } = await client.query<CountingModel>(OTHER_MODELS, [modelIds]);
  return new Map(rows.map((model) => [model.modelId, model]));
}

/** What nearly everyone asks for: as drawn now, by the served model. Planned once a connection, and sent together. */
async function readNow(client: PoolClient, ids: readonly string[] | null): Promise<Read> {
  const drawn = { name: 'segments-now', text: SEGMENTS, values: [null, ids, []] };
  const [model, sizes, { rows }] = await Promise.all([readServed(client), readSizes(client, null, null), client.query<Drawn>(drawn)]);
  return { model, sizes, rows };
}

/** As another model draws them, or as of a time: then what is drawn depends on what was held. */
async function readThen(client: PoolClient, { modelId, asOf, ids }: SegmentView): Promise<Read> {
  const served = await readServed(client);
  const other = modelId !== null && modelId !== served?.modelId ? modelId : null;
  const model = other === null ? served : (await readOthers(client, [other])).get(other);
  const sizes = await readSizes(client, other, asOf);
  const held = [...sizes.keys()].filter((id) => id !== NIL);
  const { rows } = await client.query<Drawn>(SEGMENTS, [modelId, ids, asOf === null ? [] : held]);
  return { model, sizes, rows };
}

/** Members by segment; the nil id counts those unlike anything seen. */
async function readSizes(client: PoolClient, otherModel: string | null, asOf: string | null): Promise<Sizes> {
  if (otherModel !== null) return (await readSizesOf(client, [otherModel])).get(otherModel) ?? new Map();
  const { rows } = await client.query<SizeRow>(asOf === null ? SIZES_NOW : SIZES_THEN, asOf === null ? [] : [asOf]);
  return toSizes(rows);
}

/** The same by models that are not served: whom they place where. */
async function readSizesOf(client: PoolClient, modelIds: readonly string[]): Promise<Map<string, Sizes>> {
  const { rows } = await client.query<SizeRow & { modelId: string }>(SIZES_OF_MODELS, [modelIds]);
  return new Map([...Map.groupBy(rows, ({ modelId }) => modelId)].map(([modelId, own]) => [modelId, toSizes(own)]));
}

function toSizes(rows: readonly SizeRow[]): Sizes {
  return new Map(rows.map(({ id, size, isPart }) => [id, { size, isPart }]));
}

/** With their sizes and lives, and whom these are over. */
function listOf({ model, sizes, rows }: Read, lineage: ReadonlyMap<string, LineageRow[]>): SegmentList {
  return {
    segments: rows.map((row) => ({ ...row, size: sizeOf(row, sizes), lineage: lineage.get(row.id) ?? [] })),
    placed: [...sizes].reduce((sum, [id, { size, isPart }]) => sum + (isPart || id === NIL ? 0 : size), 0),
    unseen: sizes.get(NIL)?.size ?? 0,
    modelId: model?.modelId ?? '',
    newestEventAt: model?.newestEventAt ?? null,
    readAt: model?.readAt ?? null,
  };
}
