import type { Logger } from 'pino';
import { exhaustMap, interval } from 'rxjs';

import type { worker } from '#libs/contracts';

import { Curve } from '../run/run.curve.js';
import { progressOf, secondsLeft } from '../run/run.states.js';
import { type BegunStep, StaleToken, type StepPatch, type StepRepository, type StepToken } from './step.repository.js';
import type { StepReport } from './step.js';

/** Reports to the row: also how soon a cancel is noticed. */
const REPORT_MS = 250;
/** Curves are written with every fourth report. */
const CURVES_EVERY = 4;

/** The service stops: the step goes back to the queue, and on from its checkpoint. */
export class ServiceStopping extends Error {}

/**
 * One execution of a step: says four times a second that it lives and how it gets on, and is aborted as soon
 * as its token is stale.
 */
export class StepExecution implements StepReport {
  readonly token: StepToken;
  private readonly abort = new AbortController();
  private readonly curves = new Map<string, Curve>();
  private readonly changedCurves = new Set<string>();
  private readonly startedAt: number;
  private latest: NonNullable<StepPatch['progress']> | undefined;
  private isHeard = false;
  private isHeardSinceReport = false;
  private reports = 0;

  constructor(
    begun: BegunStep,
    private readonly repository: StepRepository,
    private readonly log: Logger,
  ) {
    this.token = begun.token;
    this.startedAt = begun.run.startedAt?.getTime() ?? Date.now();
    for (const { name, steps, values } of begun.curves) {
      this.curves.set(name, new Curve(steps.map((step, index) => ({ step: Number(step), value: values[index] ?? 0 }))));
    }
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** The peer answered in this execution: it is not absent, whatever happens next. */
  get wasPeerHeard(): boolean {
    return this.isHeard;
  }

  stop(reason: Error): void {
    this.abort.abort(reason);
  }

  progress({ fraction, step, rate, unit, remainingSeconds }: worker.Progress): void {
    const { state } = this.token;
    const took = (Date.now() - this.startedAt) / 1000;
    this.latest = { progress: progressOf(state, fraction), step, rate, rateUnit: unit, remainingSeconds: secondsLeft(state, remainingSeconds, took) };
    this.isHeard = this.isHeardSinceReport = true;
  }

  metric({ name, step, value }: worker.Metric): void {
    this.isHeard = this.isHeardSinceReport = true;
    if (!Number.isFinite(value)) return;
    const curve = this.curves.get(name) ?? new Curve();
    this.curves.set(name, curve);
    curve.add(step, value);
    this.changedCurves.add(name);
  }

  /** Runs the work, reporting meanwhile. However it ends, what was told last is written. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const reporting = interval(REPORT_MS)
      .pipe(exhaustMap(() => this.write(this.reports++ % CURVES_EVERY === 0)))
      .subscribe();
    try {
      const result = await work();
      this.signal.throwIfAborted();
      return result;
    } finally {
      reporting.unsubscribe();
      if (!(this.signal.reason instanceof StaleToken)) await this.write(true);
    }
  }

  private patch(withCurves: boolean): StepPatch {
    const names = withCurves ? [...this.changedCurves] : [];
    const curves = new Map(names.flatMap((name) => (this.curves.has(name) ? [[name, this.curves.get(name) as Curve]] : [])));
    const patch = { curves, isPeerHeard: this.isHeardSinceReport, ...(this.latest ? { progress: this.latest } : {}) };
    this.latest = undefined;
    this.isHeardSinceReport = false;
    if (withCurves) this.changedCurves.clear();
    return patch;
  }

  private async write(withCurves: boolean): Promise<void> {
    try {
      await this.repository.report(this.token, this.patch(withCurves));
    } catch (error) {
      if (error instanceof StaleToken) this.abort.abort(error);
      // The next report, or the end of the step, tells the same again.
      else this.log.warn({ err: error, runId: this.token.runId }, 'a report of a run was not written');
    }
  }
}
