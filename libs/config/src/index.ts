import { z } from 'zod';

export { z };

/** `host:port` of a gRPC service. */
export const address = () => z.string().regex(/^[^\s/]+:\d+$/, 'must be host:port, for example 127.0.0.1:4012');

const port = (fallback?: number) => {
  const schema = z.coerce.number().int().min(0).max(65535);
  return fallback === undefined ? schema : schema.default(fallback);
};

/** What every service reads: where it listens, how loud it is, and the secret that signs principals. */
export const serviceShape = {
  KINDRED_HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  HTTP_PORT: port().describe('health and metrics; the public port of gateway and ingestion'),
  GRPC_PORT: port().describe('gRPC between services'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  PRINCIPAL_SECRET: z.string().min(32, 'must have at least 32 characters').describe('signs principals between services'),
};

export class ConfigError extends Error {}

/**
 * Reads a service's configuration from the environment, once, at start.
 * Throws ConfigError naming every variable that is missing or malformed.
 */
export function loadConfig<S extends z.ZodRawShape>(
  shape: S,
  environment: NodeJS.ProcessEnv = process.env,
): Readonly<z.infer<z.ZodObject<S>>> {
  // An empty variable is one that was not set: shells and Helm both produce them.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = z.object(shape).safeParse(given);
  if (result.success) return Object.freeze(result.data);
  const lines = result.error.issues.map((issue) => {
    const name = issue.path.join('.');
    const described = shape[name] as { description?: string } | undefined;
    return `  ${name}: ${issue.message}${described?.description ? ` (${described.description})` : ''}`;
  });
  throw new ConfigError(`The environment is not complete:\n${lines.join('\n')}\nSet these variables and start again.`);
}
