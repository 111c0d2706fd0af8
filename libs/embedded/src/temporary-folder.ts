import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux's file system in memory. In a container it may be small: then it is not for us. */
const MEMORY = '/dev/shm';
const ROOM_IN_MEMORY = 2 * 1024 ** 3;

/**
 * A new folder among the system's temporary ones, for whoever removes it again. Others may walk through it, not
 * look into it: a root user's Postgres runs as somebody else, and its cluster would otherwise have to live elsewhere.
 */
export async function temporaryFolder(name: string): Promise<string> {
  return open(join(tmpdir(), `${name}-`));
}

/**
 * The same for many small files that need not outlive the machine: in memory where there is room for them, since
 * making a thousand files takes a disk seconds. What processes left there that were killed is removed: memory is dear.
 */
export async function volatileFolder(name: string): Promise<string> {
  const room = await statfs(MEMORY).then(({ bavail, bsize }) => bavail * bsize, () => 0);
  if (room < ROOM_IN_MEMORY) return temporaryFolder(name);
  const left = (await readdir(MEMORY)).filter((folder) => folder.startsWith(`${name}-`) && !isRunning(Number(folder.split('-').at(-2))));
  // Another user's stays.
  await Promise.all(left.map((folder) => rm(join(MEMORY, folder), { recursive: true, force: true }).catch(() => undefined)));
  return open(join(MEMORY, `${name}-${process.pid}-`));
}

async function open(prefix: string): Promise<string> {
  const folder = await mkdtemp(prefix);
  await chmod(folder, 0o711);
  return folder;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is one, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
