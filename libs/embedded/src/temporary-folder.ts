import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder among the system's temporary ones, for whoever removes it again. Others may walk through it, not
 * look into it: a root user's Postgres runs as somebody else, and its cluster would otherwise have to live elsewhere.
 */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  await chmod(folder, 0o711);
  return folder;
}
