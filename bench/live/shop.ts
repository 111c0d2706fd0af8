import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Api } from '../../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../../scripts/start/main-job.ts';
import { Progress } from '../../scripts/start/progress.ts';
import { trainAndFollow, untilChampion } from '../../scripts/start/run.ts';
import { sendHistory } from '../../scripts/start/simulated-shop.ts';
import type { System } from '../../scripts/start/system.ts';
import type { Intake } from './traffic.ts';

/** A simulated shop that was learned from, with its champion. */
export async function openShop(system: System, folder: string, seed: number, customers: number): Promise<{ api: Api; intake: Intake }> {
  await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
  const api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
  const progress = new Progress();
  const url = `http://127.0.0.1:${system.ports.intake}`;
  const { writeKey } = system.secrets;
  await sendHistory({ intake: url, writeKey, folder, seed, customers }, progress);
  await trainAndFollow(api, progress);
  await untilChampion(api);
  const truth = JSON.parse(await readFile(join(folder, 'simulated-shop', 'truth.json'), 'utf8')) as { customers: { userId: string }[] };
  return { api, intake: { url, writeKey, userIds: truth.customers.map(({ userId }) => userId) } };
}

export function ownerUrlOf({ ports, secrets }: System): string {
  return `postgresql://postgres:${encodeURIComponent(secrets.postgresPassword)}@127.0.0.1:${ports.postgres}/kindred`;
}
