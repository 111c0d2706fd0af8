import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Made on first start, kept with the data, readable by its owner alone. */
export interface Secrets {
  readonly postgresPassword: string;
  readonly servicePassword: string;
  readonly principalSecret: string;
  readonly adminKey: string;
  readonly writeKey: string;
}

export async function loadSecrets(folder: string): Promise<Secrets> {
  const file = join(folder, 'secrets.json');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known) as Secrets;
  const random = () => randomBytes(24).toString('base64url');
  const secrets: Secrets = {
    postgresPassword: random(),
    servicePassword: random(),
    principalSecret: randomBytes(32).toString('base64url'),
    adminKey: `ka_${random()}`,
    writeKey: `kw_${random()}`,
  };
  // Others may pass through to the cluster of an unprivileged user, and see nothing.
  await mkdir(folder, { recursive: true, mode: 0o711 });
  await writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  return secrets;
}
