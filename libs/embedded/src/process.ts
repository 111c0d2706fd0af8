import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';

/** Why an embedded server could not be started, for a person. */
export class EmbeddedError extends Error {}

export interface EmbeddedProcess {
  readonly pid: number;
  /** Resolves with a sentence when the process ends, for whatever reason. */
  readonly ended: Promise<string>;
  /** Asks the process to end and waits until it has. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

interface Launch {
  command: string;
  args: readonly string[];
  cwd: string;
  logFile: string;
  stopSignal: NodeJS.Signals;
  /** User to run as, where it is another than ours. */
  user?: { uid: number; gid: number } | undefined;
  environment?: NodeJS.ProcessEnv;
}

const STOP_WITHIN_MS = 10_000;

/** Starts a server of our own, its output in a file. It is ended by id and never by name. */
export async function launch({ command, args, cwd, logFile, stopSignal, user, environment }: Launch): Promise<EmbeddedProcess> {
  const log = openSync(logFile, 'a', 0o600);
  const child: ChildProcess = spawn(command, args, { cwd, stdio: ['ignore', log, log], env: environment ?? {}, ...user });
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with status ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
  await Promise.race([once(child, 'spawn'), ended]);
  if (child.pid === undefined) throw new EmbeddedError(`${command} could not be started: ${await ended}.`);
  return {
    pid: child.pid,
    ended,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
