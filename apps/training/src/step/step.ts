import type { ingestion, worker } from '#libs/contracts';
import type { Prisma, schema, Transaction } from '#libs/database';
import type { RunStepName } from '#libs/queue';

/** What the steps of a run hand on; read back from the rows of those that have finished. */
export interface StepResults {
  SNAPSHOTTING: ingestion.Snapshot;
  TRAINING: worker.Completed;
  DISCOVERING: Discovery;
  EVALUATING: worker.EvaluateCompleted;
  BACKFILLING: worker.Completed;
}

/** The segments found, and the champion whose segments they were matched with; empty: there was none. */
export interface Discovery {
  readonly discovered: worker.DiscoverCompleted;
  readonly championModelId: string;
}

/** A finished step's result; throws when the step has not finished, which the order of steps rules out. */
export type ResultOf = <Name extends RunStepName>(step: Name) => StepResults[Name];

/** What a step is given to work with. */
export interface StepContext<Input> {
  readonly workspaceId: string;
  readonly runId: string;
  readonly spec: worker.TrainingSpec;
  /** What `decide` said when the step first began. */
  readonly input: Input;
  readonly resultOf: ResultOf;
  /** Fires when the run was cancelled, its token is stale, or the service stops. */
  readonly signal: AbortSignal;
  readonly report: StepReport;
}

/** Where a step tells how it gets on. Cheap to call; what is written is throttled. */
export interface StepReport {
  /** `fraction` of this step, 0..1. */
  progress(progress: worker.Progress): void;
  metric(metric: worker.Metric): void;
}

/**
 * One step of a run. `execute` may be begun many times, after crashes, and must then end in the same result:
 * what it depends on beside its run is decided once, by `decide`, and kept.
 */
export interface Step<Name extends RunStepName = RunStepName, Input extends Prisma.InputJsonObject = Prisma.InputJsonObject> {
  readonly state: Name;
  decide(transaction: Transaction, workspaceId: string): Promise<Input>;
  execute(context: StepContext<Input>): Promise<StepResults[Name]>;
  /** The result as kept in the step's row. */
  store(result: StepResults[Name]): Prisma.InputJsonObject;
  load(stored: unknown): StepResults[Name];
  /** Further changes of the run's row, in the transaction that ends the step. */
  conclude?(transaction: Transaction, conclusion: Conclusion<Name, Input>): Promise<Prisma.RunUpdateInput>;
}

export interface Conclusion<Name extends RunStepName, Input> {
  readonly run: schema.Run;
  readonly input: Input;
  readonly result: StepResults[Name];
  readonly resultOf: ResultOf;
}

/** Injection token of the five steps. */
export const STEPS = Symbol('STEPS');
