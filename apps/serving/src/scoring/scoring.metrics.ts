import { Counter, Histogram, metrics } from '#libs/telemetry';

export const eventsApplied = new Counter({
  name: 'kindred_serving_events_applied_total',
  help: 'Events that are in the states of the served model.',
  registers: [metrics],
});

export const customersRead = new Counter({
  name: 'kindred_serving_customers_read_total',
  help: 'States that were read anew, by what caused it.',
  labelNames: ['cause'] as const,
  registers: [metrics],
});

export const eventToMembership = new Histogram({
  name: 'kindred_serving_event_to_membership_seconds',
  help: 'From the arrival of the oldest event of a batch until its memberships are visible.',
  buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30, 300],
  registers: [metrics],
});

export const customersScored = new Counter({
  name: 'kindred_serving_customers_scored_total',
  help: 'Results of scoring, by where they were computed: at the worker, or in this process while that one was away.',
  labelNames: ['where'] as const,
  registers: [metrics],
});

const stageSeconds = new Histogram({
  name: 'kindred_serving_stage_seconds',
  help: 'How long each stage of a batch takes; a commit goes on while the next batch is read.',
  labelNames: ['stage'] as const,
  buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
  registers: [metrics],
});

export async function timed<T>(stage: 'read events' | 'read states' | 'score' | 'commit', work: Promise<T>): Promise<T> {
  const done = stageSeconds.startTimer({ stage });
  try {
    return await work;
  } finally {
    done();
  }
}
