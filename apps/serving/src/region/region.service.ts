import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { region as contract } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { ChangeSignal } from '../change/change.signal.js';
import { DefinitionReader } from '../definition/definition.reader.js';
import { DefinitionRepository, isNameTaken, type Transaction } from '../definition/definition.repository.js';
import { checkNaming, nameTaken } from '../definition/naming.js';
import { uuidFilter } from '../page/uuid.js';
import { shareMemberships } from '../scoring/write.lock.js';
import { similarityOf } from '../similar/embedding.js';
import { CustomerDirectory } from '../workspace/customer.directory.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { closeness, drawRegion, STAYS_ABOVE, USUAL_THRESHOLD, vectorOf } from './region.js';
import { RegionBuilder } from './region.builder.js';
import { RegionPreview } from './region.preview.js';
import { RegionRepository, type StoredRegion } from './region.repository.js';
import { regionOf } from './region.writes.js';

const FEWEST_EXAMPLES = 3;
const MOST_EXAMPLES = 10_000;
/** Kept, so that a region can be drawn again when some of them are gone; fewer are drawn from. */
const KEPT_EXAMPLES = 200;
const MOST_SEGMENTS = 20;
const MOST_CORNERS = 200;
/** Examples that somebody is told to be like. */
const NEAREST = 5;
/** On the map, which nobody lies so far out of; areas of what is much larger cannot be told any more. */
const FARTHEST = 1_000_000_000;

/** Segments by example. */
@Injectable()
export class RegionService {
  constructor(
    private readonly regions: RegionRepository,
    private readonly definitions: DefinitionRepository,
    private readonly builder: RegionBuilder,
    private readonly previews: RegionPreview,
    private readonly reader: DefinitionReader,
    private readonly changes: ChangeSignal,
    private readonly customers: CustomerDirectory,
    private readonly directory: WorkspaceDirectory,
  ) {}

  async create(workspaceId: string, request: contract.CreateExampleSegmentRequest): Promise<contract.CreateExampleSegmentResponse> {
    const { name, description } = checkNaming(request);
    const threshold = checkThreshold(request.threshold);
    const userIds = await this.named(workspaceId, request.examples);
    const id = uuid();
    try {
      await this.regions.within(workspaceId, async (client) => {
        const modelId = await this.served(client);
        await this.definitions.hold(client);
        await shareMemberships(client, workspaceId);
        const examples = await this.examplesOf(client, modelId, userIds, request.examples?.lasso ?? []);
        if ((await this.regions.all(client)).length >= MOST_SEGMENTS) {
          throw new RpcError(status.RESOURCE_EXHAUSTED, `A workspace has at most ${MOST_SEGMENTS} segments by example.`, { reason: 'TOO_MANY_SEGMENTS' });
        }
        if (!(await this.definitions.insert(client, id, 'EXAMPLE', name, description, null))) throw nameTaken(name);
        await this.regions.insert(client, id, examples, threshold);
      });
    } catch (error) {
      throw isNameTaken(error) ? nameTaken(name) : error;
    }
    this.told(workspaceId);
    return { segmentId: id };
  }

  async moveThreshold(workspaceId: string, request: contract.MoveThresholdRequest): Promise<contract.MoveThresholdResponse> {
    const threshold = checkThreshold(request.threshold);
    await this.regions.within(workspaceId, async (client) => {
      await shareMemberships(client, workspaceId);
      const region = await this.find(client, request.segmentId);
      await this.regions.moveThreshold(client, region.segmentId, threshold);
    });
    this.told(workspaceId);
    return {};
  }

  async preview(workspaceId: string, request: contract.PreviewExampleSegmentRequest): Promise<contract.PreviewExampleSegmentResponse> {
    const userIds = request.segmentId === '' ? await this.named(workspaceId, request.examples) : [];
    // The customers are read in one transaction; judged and put into words after it.
    const read = await this.regions.within(workspaceId, async (client) => {
      const modelId = await this.served(client);
      const own = request.segmentId === '' ? undefined : await this.find(client, request.segmentId);
      const examples = own?.examples ?? (await this.examplesOf(client, modelId, userIds, request.examples?.lasso ?? []));
      const threshold = checkThreshold(request.threshold ?? own?.threshold);
      const newestEventAt = await this.definitions.newestEventAt(client);
      // One that is drawn stays as it is until another model draws it, and so it is looked at: what is previewed is what a moved threshold makes of it.
      const drawn = own?.modelId === modelId ? drawRegion(vectorOf(own.points), vectorOf(own.crowd), own.width) : await this.builder.draw(client, modelId, examples);
      return { modelId, examples, threshold, newestEventAt, ...drawn, population: await this.previews.read(client, modelId) };
    });
    const { modelId, threshold, heldOut } = read;
    return {
      ...(await this.previews.of(workspaceId, modelId, read.region, read.population, { threshold, withRule: request.withRule })),
      modelId,
      examples: read.examples.length,
      heldOut: heldOut.length === 0 ? 0 : heldOut.filter((value) => value >= threshold).length / heldOut.length,
      asOf: await this.directory.asOf(workspaceId, read.newestEventAt),
    } satisfies contract.PreviewExampleSegmentResponse;
  }

  get(workspaceId: string, { segmentId }: contract.GetExampleSegmentRequest): Promise<contract.GetExampleSegmentResponse> {
    return this.regions.within(workspaceId, async (client) => {
      const { threshold, examples, modelId, changedAt, looked, customers, isBuilt } = await this.find(client, segmentId);
      const isDrawn = modelId !== null && modelId === (await this.regions.servedModel(client));
      return {
        threshold,
        examples: examples.length,
        modelId: modelId ?? '',
        changedAt: changedAt.toISOString(),
        progress: !isDrawn ? 0 : isBuilt ? 1 : Math.min(0.99, looked / Math.max(1, customers ?? 0)),
      } satisfies contract.GetExampleSegmentResponse;
    });
  }

  closeness(workspaceId: string, { segmentId, customerId }: contract.FindClosenessRequest): Promise<contract.FindClosenessResponse> {
    return this.regions.within(workspaceId, async (client) => {
      const region = await this.find(client, segmentId);
      const isDrawn = region.modelId !== null && region.modelId === (await this.regions.servedModel(client));
      const id = uuidFilter(customerId)?.toLowerCase();
      const rows = isDrawn && id !== undefined ? await this.regions.embeddings(client, region.modelId, [id, ...region.examples]) : [];
      const own = rows.find((row) => row.customerId === id);
      const others = own ? rows.filter((row) => row !== own) : [];
      const near = others.map((row) => ({ customerId: row.customerId, similarity: own ? similarityOf(own.embedding, row.embedding) : 0 }));
      return {
        closeness: own && closeness(regionOf(region), vectorOf(own.embedding)),
        threshold: region.threshold,
        leavesBelow: region.threshold * STAYS_ABOVE,
        examples: near.sort((a, b) => b.similarity - a.similarity).slice(0, NEAREST),
      } satisfies contract.FindClosenessResponse;
    });
  }

  private told(workspaceId: string): void {
    this.changes.announce(workspaceId);
    this.reader.wake();
  }

  private async served(client: Transaction): Promise<string> {
    const modelId = await this.regions.servedModel(client);
    if (!modelId) throw RpcError.invalid('No model is served yet: there is no space to draw a region in.', { reason: 'EXAMPLES_INVALID' });
    return modelId;
  }

  private async find(client: Transaction, segmentId: string): Promise<StoredRegion> {
    const id = uuidFilter(segmentId)?.toLowerCase();
    const region = (await this.regions.all(client)).find((one) => one.segmentId === id);
    if (!region) throw RpcError.notFound('There is no such segment by example.', { reason: 'SEGMENT_UNKNOWN' });
    return region;
  }

  /** The customers of a list; none where an area of the map is given. */
  private async named(workspaceId: string, examples: contract.Examples | undefined): Promise<string[]> {
    const { userIds = [], lasso = [] } = examples ?? {};
    if ((userIds.length > 0) === (lasso.length > 0)) throw invalid('Give either user ids or an area of the map.');
    if (lasso.length > 0 && (lasso.length < 3 || lasso.length > MOST_CORNERS)) throw invalid(`An area of the map has 3 to ${MOST_CORNERS} corners; ${lasso.length} were given.`);
    lasso.forEach(checkCorner);
    return this.customers.resolve(workspaceId, userIds, MOST_EXAMPLES);
  }

  private async examplesOf(client: Transaction, modelId: string, customerIds: readonly string[], lasso: readonly contract.MapPlace[]): Promise<string[]> {
    const given = lasso.length > 0 ? await this.regions.inLasso(client, modelId, lasso, KEPT_EXAMPLES) : customerIds;
    const known = (await this.regions.embeddings(client, modelId, given)).map(({ customerId }) => customerId);
    if (known.length >= FEWEST_EXAMPLES) return known.slice(0, KEPT_EXAMPLES);
    throw invalid(`A region needs at least ${FEWEST_EXAMPLES} customers whom the model has read; ${known.length} ${lasso.length > 0 ? 'lie in the area' : 'were given'}.`);
  }
}

function checkCorner(corner: contract.MapPlace, index: number): void {
  for (const axis of ['x', 'y'] as const) {
    if (Math.abs(corner[axis]) <= FARTHEST) continue;
    const path = `examples.lasso[${index}].${axis}`;
    throw RpcError.invalid(`${path}: a corner lies within ${FARTHEST.toLocaleString('en')} of the map's middle.`, { reason: 'EXAMPLES_INVALID', metadata: { path } });
  }
}

function checkThreshold(given: number | undefined): number {
  const threshold = given ?? USUAL_THRESHOLD;
  if (!(threshold > 0 && threshold < 1)) throw RpcError.invalid('A threshold lies between 0 and 1.', { reason: 'THRESHOLD_INVALID' });
  return threshold;
}

function invalid(message: string): RpcError {
  return RpcError.invalid(message, { reason: 'EXAMPLES_INVALID' });
}
