import { readdir, readFile } from 'node:fs/promises';

const EVERY_MS = 500;

/**
 * Samples the memory of processes and all their children: the sum of their proportional set sizes (PSS), which
 * counts a page that several share once. Linux only.
 */
export class MemorySampler {
  peakMiB = 0;
  private readonly roots: () => Iterable<number>;
  private readonly timer: NodeJS.Timeout;
  private busy = false;

  constructor(roots: () => Iterable<number>) {
    this.roots = roots;
    this.timer = setInterval(() => void this.sample(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async sample(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const pids = await withChildren(this.roots());
    const sizes = await Promise.all([...pids].map(proportionalKiB));
    this.peakMiB = Math.max(this.peakMiB, Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1024));
    this.busy = false;
  }
}

async function withChildren(roots: Iterable<number>): Promise<Set<number>> {
  const children = new Map<number, number[]>();
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  await Promise.all(
    all.map(async (pid) => {
      // "pid (name) state ppid …": the name may hold anything, so count from its closing bracket.
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const parent = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), pid]);
    }),
  );
  const found = new Set<number>();
  const waiting = [...roots];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return found;
}

async function proportionalKiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
}
