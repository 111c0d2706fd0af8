// `node scripts/workspace/main.ts --slug acme --name "Acme"`: makes a workspace, and prints its two keys once.
import { Command } from 'commander';

import { PrincipalSigner } from '#libs/auth';
import { address, loadConfig, z } from '#libs/config';
import { access } from '#libs/contracts';
import { connect } from '#libs/grpc';

const { slug, name } = new Command()
  .requiredOption('--slug <slug>', 'short name, lasting')
  .requiredOption('--name <name>', 'for people')
  .parse()
  .opts<{ slug: string; name: string }>();
const config = loadConfig({ ACCESS_ADDRESS: address(), PRINCIPAL_SECRET: z.string().min(32) });
const client = connect(access.AccessServiceService, config.ACCESS_ADDRESS);
const { created, adminKey, writeKey } = await client.bootstrapWorkspace(
  { slug, name, settings: undefined, adminKey: '', writeKey: '' },
  { principal: await new PrincipalSigner(config.PRINCIPAL_SECRET).service('operator') },
);
client.close();
process.stdout.write(created ? `${JSON.stringify({ slug, adminKey, writeKey })}\n` : `The workspace ${slug} is there already; its keys were shown once.\n`);
