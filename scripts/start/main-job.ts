import { PrincipalSigner } from '#libs/auth';
import { access } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { importFile } from './file-import.ts';
import { Api } from './graphql.ts';
import { Progress } from './progress.ts';
import { trainAndFollow, untilChampion } from './run.ts';
import type { Secrets } from './secrets.ts';
import { segmentsTable } from './segments-table.ts';
import { agreement, sendHistory, type ShopOptions, trickleCommand } from './simulated-shop.ts';
import type { System } from './system.ts';

/** The one workspace of a laptop, with the keys that lie in the data folder. */
export async function bootstrapWorkspace(accessPort: number, secrets: Secrets): Promise<void> {
  const signer = new PrincipalSigner(secrets.principalSecret);
  const client = connect(access.AccessServiceService, `127.0.0.1:${accessPort}`);
  try {
    await client.bootstrapWorkspace(
      { slug: 'default', name: 'Default', settings: undefined, adminKey: secrets.adminKey, writeKey: secrets.writeKey },
      { principal: await signer.service('start') },
    );
  } finally {
    client.close();
  }
}

interface MainJob {
  demo: boolean;
  import?: string;
  mapping?: string;
  seed: number;
  customers: number;
  live: number;
  folder: string;
  where: { graphql: string; admin: string; intake: string; adminKey: string; writeKey: string };
  system: System;
  tell: (line: string) => void;
}

/** Events in, a run, segments out; nothing of it where a champion is served already. Ends with what to tell. */
export async function doMainJob(job: MainJob): Promise<{ farewell: string }> {
  const { where, tell, system } = job;
  const api = new Api(where.graphql, where.adminKey);
  const progress = new Progress();
  const shop: ShopOptions = { intake: where.intake, writeKey: where.writeKey, folder: job.folder, seed: job.seed, customers: job.customers };
  const isServed = (await api.ask<{ model: { id: string } | null }>('{ model(champion: true) { id } }')).model !== null;
  const isShop = job.import === undefined && job.demo;

  if (job.import !== undefined) await importFile(api, job.import, job.mapping, progress, tell);
  else if (isShop && !isServed) await sendHistory(shop, progress);
  if ((isShop && !isServed) || job.import !== undefined) {
    await trainAndFollow(api, progress);
    await untilChampion(api);
  }

  const lines: string[] = [''];
  if (isServed || isShop || job.import !== undefined) lines.push(await segmentsTable(api));
  if (isShop && !isServed) {
    const { adjustedRand, planted } = await agreement(api, job.folder);
    lines.push(`Found against planted behaviours: adjusted Rand index ${adjustedRand.toFixed(3)} over ${planted.toLocaleString('en')} customers.`);
  }
  if (isShop && job.live > 0) {
    const { command, args } = await trickleCommand(shop, job.live);
    system.supervisor.start({ name: 'simulator', command, args, env: { PATH: process.env['PATH'] } });
    lines.push(`The simulated shop stays open, at about ${job.live} events a second: its customers live on, and others move in with the past that they had elsewhere.`);
  }
  lines.push('', ...(await signposts(api, where)), '', 'Ctrl-C stops everything.');
  return { farewell: lines.join('\n') };
}

async function signposts(api: Api, where: MainJob['where']): Promise<string[]> {
  const { customers } = await api.ask<{ customers: { nodes: { userId: string | null }[] } }>('{ customers(first: 20) { nodes { userId } } }');
  const userId = customers.nodes.find((customer) => customer.userId !== null)?.userId ?? 'your-user-id';
  const query = `{ customer(userId: ${JSON.stringify(userId)}) { memberships { segment { name } strength since } } }`;
  return [
    `Admin page   ${where.admin}/#key=${where.adminKey}`,
    `GraphQL      ${where.graphql}`,
    `Intake       ${where.intake}/v1/batch   (Segment's dialect)`,
    `Admin key    ${where.adminKey}`,
    `Write key    ${where.writeKey}`,
    '',
    'Try:',
    `  curl -s ${where.graphql} -H 'authorization: Bearer ${where.adminKey}' -H 'content-type: application/json' \\`,
    `    -d '${JSON.stringify({ query })}'`,
  ];
}
