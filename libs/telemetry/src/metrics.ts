import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The process's one registry; `/metrics` prints it. */
export const metrics = new Registry();
collectDefaultMetrics({ register: metrics });

export { Counter, Gauge, Histogram };
