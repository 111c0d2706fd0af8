import { Counter, metrics } from '#libs/telemetry';

export const deliveriesSettled = new Counter({
  name: 'kindred_webhook_attempts_total',
  help: 'Attempts to deliver an event to a receiver, by what came of them.',
  labelNames: ['state'] as const,
  registers: [metrics],
});
