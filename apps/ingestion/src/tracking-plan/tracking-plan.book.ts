import type { Logger } from 'pino';

import type { EventPlan, IntakeEvent, PlanViolations } from '../event/event.js';
import { IntakeUnavailableError } from '../event/event.failure.js';
import type { PlanEventRow, TrackingPlanRepository } from './tracking-plan.repository.js';
import { compileSchema, type SchemaCheck } from './tracking-plan.schema.js';
import { violationsOf } from './tracking-plan.violation.js';

const LOOK_EVERY_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;
/** What can be declared; identify, group and alias say who somebody is. */
const DECLARABLE: ReadonlySet<string> = new Set(['track', 'page', 'screen']);

/** One declared event; its schema is compiled when the first such event comes, and lives as long as it is declared so. */
class DeclaredEvent {
  private check: SchemaCheck | undefined;

  constructor(
    readonly row: PlanEventRow,
    private readonly log: Logger,
  ) {}

  violationsOf(properties: string): PlanViolations | undefined {
    this.check ??= this.compiled();
    const errors = this.check(properties);
    return errors.length === 0 ? undefined : violationsOf(this.row.event_name, errors, this.row.mode === 'ENFORCE');
  }

  /** What was taken once and is refused by a later release must not keep events out. */
  private compiled(): SchemaCheck {
    try {
      return compileSchema(this.row.schema);
    } catch (error) {
      this.log.error({ err: error, event: this.row.event_name }, 'a declared schema cannot be used any more; such events are not checked');
      return () => [];
    }
  }
}

/** One version of a workspace's plan. */
class WorkspacePlan implements EventPlan {
  constructor(
    readonly version: number,
    readonly events: ReadonlyMap<string, DeclaredEvent>,
  ) {}

  violationsOf({ type, name, properties }: Pick<IntakeEvent, 'type' | 'name' | 'properties'>): PlanViolations | undefined {
    return DECLARABLE.has(type) ? this.events.get(name)?.violationsOf(properties) : undefined;
  }
}

/**
 * Every workspace's plan, held in memory: checking an event costs no round trip, and one of a workspace without a plan
 * costs one look into a map. Followed by looking at the versions each second; while Postgres is away the last known
 * plans hold.
 */
export class TrackingPlanBook {
  private plans: ReadonlyMap<string, WorkspacePlan> | undefined;
  private resolveReady: () => void = () => undefined;
  private timers: NodeJS.Timeout[] = [];
  private looking: Promise<void> | undefined;
  /** Settles once the plans are known. */
  readonly ready = new Promise<void>((resolve) => (this.resolveReady = resolve));

  constructor(
    private readonly repository: TrackingPlanRepository,
    private readonly log: Logger,
  ) {}

  /** Undefined: the workspace has declared nothing. Throws while no plan is known yet, because one might refuse. */
  of(workspaceId: string): EventPlan | undefined {
    if (!this.plans) throw new IntakeUnavailableError(new Error('the tracking plans are not loaded yet'));
    return this.plans.get(workspaceId);
  }

  follow(): void {
    void this.look();
    this.timers = [
      setInterval(() => void this.look(), LOOK_EVERY_MS).unref(),
      setInterval(() => void this.forget(), FORGET_EVERY_MS).unref(),
    ];
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /** Takes up what was changed until now; never fails. */
  async look(): Promise<void> {
    // Who asks while a look is under way waits for the next one, which sees all that was committed before.
    if (this.looking) await this.looking;
    this.looking ??= this.read()
      .catch((error: unknown) => this.log.debug({ err: error }, 'the tracking plans could not be looked at'))
      .finally(() => (this.looking = undefined));
    await this.looking;
  }

  private async read(): Promise<void> {
    const versions = await this.repository.versions();
    const plans = new Map<string, WorkspacePlan>();
    for (const [workspaceId, version] of versions) {
      const known = this.plans?.get(workspaceId);
      plans.set(workspaceId, known?.version === version ? known : await this.load(workspaceId, known));
    }
    this.plans = plans;
    this.resolveReady();
  }

  /** Events that are declared as before keep their compiled schema. */
  private async load(workspaceId: string, known: WorkspacePlan | undefined): Promise<WorkspacePlan> {
    const { version, events } = await this.repository.read(workspaceId);
    const declared = events.map((row): [string, DeclaredEvent] => {
      const before = known?.events.get(row.event_name);
      return [row.event_name, before?.row.version === row.version ? before : new DeclaredEvent(row, this.log)];
    });
    return new WorkspacePlan(version, new Map(declared));
  }

  private async forget(): Promise<void> {
    for (const workspaceId of this.plans?.keys() ?? []) {
      await this.repository.forgetOldViolations(workspaceId).catch((error: unknown) => this.log.warn({ err: error }, 'old violations could not be deleted'));
    }
  }
}
