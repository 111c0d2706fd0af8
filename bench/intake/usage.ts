import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks of /proc in a second; 100 on every Linux that Node runs on. */
const TICKS = 100;

/** CPU-seconds that processes and all their children have used. Linux only. */
export async function cpuSeconds(roots: readonly number[]): Promise<number> {
  const stats = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(statOf));
  const parents = new Map(stats.flatMap((stat) => (stat ? [[stat.pid, stat] as const] : [])));
  const isOurs = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined; at = parents.get(at.parent)) if (roots.includes(at.pid)) return true;
    return false;
  };
  return [...parents.values()].filter(({ pid }) => isOurs(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS;
}

/** Its own time and that of children that have ended. */
async function statOf(name: string): Promise<{ pid: number; parent: number; ticks: number } | undefined> {
  const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
  if (text === '') return undefined;
  // "pid (name) state ppid …": the name may hold anything, so count from its closing bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
  return { pid: Number(name), parent: fields[1] ?? 0, ticks: [11, 12, 13, 14].reduce((sum, at) => sum + (fields[at] ?? 0), 0) };
}

/** Resident memory of a process in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}
