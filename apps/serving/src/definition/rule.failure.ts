import { Counter, metrics } from '#libs/telemetry';

export const rulesFailed = new Counter({
  name: 'kindred_serving_rules_failed_total',
  help: 'Times that a rule was left out for a while, malformed or refused by Postgres.',
  registers: [metrics],
});

/** SQLSTATE classes of what a statement or its values are to blame for, whenever they come: not supported, data, syntax, too complex. */
const OF_THE_STATEMENT = /^(?:0A|22|42|54)/;

/** Whether a statement, or the reading of archives, was given up because its time was over. */
export function isTooSlow(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return code === '57014' || name === 'TimeoutError';
}

/** Why Postgres refuses a rule, in its words; undefined where something else is in the way, for all rules alike. */
export function failureOf(error: unknown): string | undefined {
  const { code, message } = error as { code?: unknown; message?: string };
  return typeof code === 'string' && OF_THE_STATEMENT.test(code) ? (message ?? code) : undefined;
}
