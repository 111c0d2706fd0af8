import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { WorkspacePrincipal } from '#libs/auth';
import { training, worker } from '#libs/contracts';
import type { Prisma } from '#libs/database';
import { cutPage, expectFewIds, rowsOf, RpcError } from '#libs/grpc';
import { RUN_STEPS } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { cursorOf, UUID } from '../page.js';
import type { TrainingConfig } from '../training.config.js';
import { RunEnd } from './run.end.js';
import { actorOf, toListedRun, toRun } from './run.mapper.js';
import { RunQueue } from './run.queue.js';
import { type NewRun, RunRepository, type WholeRunRow } from './run.repository.js';
import { RUN_STATES } from './run.states.js';
import { SpecCheck } from './spec.check.js';
import { checkedSpec, SPEC_VERSION } from './training-spec.js';

/** Curves of a run have 500 points each. */
const MOST_WITH_METRICS = 50;

/** What can be asked of runs. */
@Injectable()
export class RunService {
  constructor(
    private readonly repository: RunRepository,
    private readonly queue: RunQueue,
    private readonly end: RunEnd,
    private readonly specs: SpecCheck,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  /** Throws SPEC_INVALID, RUN_ACTIVE. */
  async start({ workspaceId, actor }: WorkspacePrincipal, request: training.StartRunRequest): Promise<training.Run> {
    const spec = checkedSpec(request.spec);
    await this.specs.check(workspaceId, spec);
    const run: NewRun = {
      id: uuid(),
      trigger: triggerOf(request.trigger),
      requestedBy: actorOf(actor),
      spec: worker.TrainingSpec.toJSON(spec) as Prisma.InputJsonObject,
      specVersion: SPEC_VERSION,
      sampleFraction: spec.sampleFraction === 0 ? 1 : spec.sampleFraction,
      seed: BigInt(spec.seed),
      codeVersion: this.service.config.CODE_VERSION,
    };
    const row = await this.repository.create(workspaceId, run);
    if (!row) throw await this.alreadyActive(workspaceId);
    await this.queue.enqueue(workspaceId, row.id, row.fence, RUN_STEPS).catch((error: unknown) => {
      this.service.log.warn({ err: error, runId: row.id }, 'a run was not enqueued; it begins when the queue is back');
    });
    return toRun(row);
  }

  /** Those of them that there are. Throws TOO_MANY_IDS. */
  async several(workspaceId: string, { ids, withMetrics }: training.GetRunsRequest): Promise<training.Run[]> {
    expectFewIds(ids, withMetrics ? MOST_WITH_METRICS : undefined);
    const known = ids.filter((id) => UUID.test(id));
    return withMetrics ? (await this.repository.whole(workspaceId, known)).map(toRun) : (await this.repository.several(workspaceId, known)).map(toListedRun);
  }

  /** Throws RUN_UNKNOWN. */
  async get(workspaceId: string, id: string): Promise<training.Run> {
    const row = UUID.test(id) ? await this.repository.get(workspaceId, id) : null;
    if (!row) throw unknown(id);
    return toRun(row);
  }

  async list(workspaceId: string, { page, state }: training.ListRunsRequest): Promise<training.ListRunsResponse> {
    const first = rowsOf(page);
    const wanted = RUN_STATES.find((name) => training.RunState[name] === state);
    const [rows, total] = await this.repository.list(workspaceId, { first, after: cursorOf(page, UUID), state: wanted });
    const { rows: cutRows, pageInfo } = cutPage(rows, first, total, (row) => row.id);
    return { runs: cutRows.map(toListedRun), pageInfo };
  }

  /** Answers at once with CANCELLING (CANCELLED where nobody works on it); CANCELLED follows within two seconds. Throws RUN_UNKNOWN, RUN_ENDED. */
  async cancel(workspaceId: string, id: string): Promise<training.Run> {
    const row: WholeRunRow | null | undefined = UUID.test(id) ? await this.repository.cancel(workspaceId, id) : undefined;
    if (row === undefined) throw unknown(id);
    if (row === null) throw RpcError.precondition('This run has ended already.', { reason: 'RUN_ENDED' });
    await this.end.settle(workspaceId, id);
    return this.get(workspaceId, id);
  }

  /** What a run can be asked to train. Throws UNAVAILABLE. */
  specChoices(workspaceId: string): Promise<worker.SpecChoices | undefined> {
    return this.specs.choices(workspaceId);
  }

  private async alreadyActive(workspaceId: string): Promise<RpcError> {
    const active = await this.repository.active(workspaceId);
    return RpcError.precondition('Another run of this workspace has not ended yet. Wait for it, or cancel it.', {
      reason: 'RUN_ACTIVE',
      metadata: { runId: active?.id ?? '' },
    });
  }
}

const unknown = (id: string): RpcError => RpcError.notFound(`There is no run ${id}.`, { reason: 'RUN_UNKNOWN' });

function triggerOf(trigger: training.RunTrigger): NewRun['trigger'] {
  const names = ['PERSON', 'SCHEDULE', 'DRIFT', 'STUDY'] as const;
  return names.find((name) => training.RunTrigger[name] === trigger) ?? 'PERSON';
}
