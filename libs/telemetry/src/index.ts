export { KindredLogger, startTelemetry, type Telemetry } from './telemetry.js';
export { metrics, Counter, Gauge, Histogram } from './metrics.js';
