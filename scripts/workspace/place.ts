import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { address, loadConfig, z } from '#libs/config';

/** Where access is, and what it is spoken to with. */
export interface AccessPlace {
  /** host:port of its gRPC. */
  readonly address: string;
  readonly secret: string;
}

/** A failure with its remedy, shown without a stack. */
export class WorkspaceError extends Error {}

/** As the environment says; where it says nothing, that of the `npm start` that keeps its data in a folder and is up. */
export async function placeOfAccess(environment: NodeJS.ProcessEnv, folder: string): Promise<AccessPlace> {
  if (environment['ACCESS_ADDRESS'] || environment['PRINCIPAL_SECRET']) {
    const said = loadConfig({ ACCESS_ADDRESS: address(), PRINCIPAL_SECRET: z.string().min(32, 'must have at least 32 characters') }, environment);
    return { address: said.ACCESS_ADDRESS, secret: said.PRINCIPAL_SECRET };
  }
  const [ready, secrets] = await Promise.all(['ready.json', 'secrets.json'].map((name) => readFile(join(folder, name), 'utf8').catch(() => undefined)));
  if (ready === undefined || secrets === undefined) {
    throw new WorkspaceError(
      `No npm start that keeps its data in ${folder} is up. Start it, name its folder (--data DIR), or say ACCESS_ADDRESS and PRINCIPAL_SECRET of the access service.`,
    );
  }
  return { address: (JSON.parse(ready) as { access: string }).access, secret: (JSON.parse(secrets) as { principalSecret: string }).principalSecret };
}
