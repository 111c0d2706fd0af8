import type { LoggerService } from '@nestjs/common';
import { type Logger, pino, stdTimeFunctions } from 'pino';

export interface Telemetry {
  readonly log: Logger;
  /** For NestFactory's `logger` option. */
  readonly nest: KindredLogger;
}

/** Starts logs for a service: JSON lines on stderr, one per happening, secrets left out. */
export function startTelemetry(service: string, level = 'info'): Telemetry {
  const log = pino(
    {
      level,
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      redact: ['authorization', '*.authorization', 'writeKey', '*.writeKey', 'adminKey', '*.adminKey'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return { log, nest: new KindredLogger(log) };
}

/** Nest's logger interface over pino. Nest's own start-up chatter is debug here. */
export class KindredLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error({ context: rest.at(-1), stack: rest.length > 1 ? rest[0] : undefined, err: message }, String(message));
  }
  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }
  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }
}
