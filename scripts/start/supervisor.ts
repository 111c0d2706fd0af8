import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

interface Running {
  readonly spec: ProcessSpec;
  child: ChildProcess;
  restarts: number;
  startedAt: number;
}

const STOP_WITHIN_MS = 12_000;
const BACKOFF_MS = { first: 200, most: 5_000 };
/** A process that held out this long is taken for healthy again. */
const SETTLED_MS = 30_000;

/** Keeps processes running: restarts one that dies, stops them all in the reverse order of starting. */
export class Supervisor {
  private readonly running = new Map<string, Running>();
  private readonly logs = new Map<string, WriteStream>();
  private stopping = false;

  private readonly logFolder: string;
  private readonly tell: (line: string) => void;

  constructor(logFolder: string, tell: (line: string) => void) {
    this.logFolder = logFolder;
    this.tell = tell;
  }

  start(spec: ProcessSpec): void {
    this.running.set(spec.name, { spec, child: this.launch(spec), restarts: 0, startedAt: Date.now() });
  }

  /** Process ids by name. */
  pids(): Record<string, number | undefined> {
    return Object.fromEntries([...this.running].map(([name, { child }]) => [name, child.pid]));
  }

  logFile(name: string): string {
    return join(this.logFolder, `${name}.log`);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const entries = [...this.running.values()].reverse();
    await Promise.all(entries.map(({ child }) => end(child)));
    for (const log of this.logs.values()) log.end();
  }

  private launch(spec: ProcessSpec): ChildProcess {
    let log = this.logs.get(spec.name);
    if (!log) {
      log = createWriteStream(this.logFile(spec.name), { flags: 'a', mode: 0o600 });
      this.logs.set(spec.name, log);
    }
    // A group of its own: Ctrl-C in the terminal reaches the supervisor, which then stops each in order.
    const child = spawn(spec.command, spec.args, {
      env: spec.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(spec.cwd ? { cwd: spec.cwd } : {}),
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('error', () => undefined);
    child.once('exit', (code, signal) => void this.onExit(spec.name, signal ?? `status ${code}`));
    return child;
  }

  private async onExit(name: string, how: string): Promise<void> {
    const entry = this.running.get(name);
    if (this.stopping || !entry) return;
    entry.restarts = Date.now() - entry.startedAt > SETTLED_MS ? 0 : entry.restarts + 1;
    this.tell(`${name} ended (${how}); starting it again. Its log: ${this.logFile(name)}`);
    await wait(Math.min(BACKOFF_MS.first * 2 ** entry.restarts, BACKOFF_MS.most));
    if (this.stopping) return;
    entry.startedAt = Date.now();
    entry.child = this.launch(entry.spec);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
