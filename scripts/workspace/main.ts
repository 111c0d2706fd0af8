// `npm run workspace -- --slug acme --name "Acme"`: makes a workspace, and prints its two keys once, as a line of JSON.
import { Command } from 'commander';

import { PrincipalSigner } from '#libs/auth';
import { ConfigError } from '#libs/config';
import { access } from '#libs/contracts';
import { connect, RpcError, status } from '#libs/grpc';

import { type AccessPlace, placeOfAccess, WorkspaceError } from './place.ts';

interface Wanted {
  slug: string;
  name?: string;
  data: string;
}

const wanted = new Command('npm run workspace --')
  .description('Makes a workspace beside the others: its own customers, models and keys.')
  .requiredOption('--slug <slug>', 'short name, lasting: small letters, digits and hyphens')
  .option('--name <name>', 'for people; the slug, if left out')
  .option('--data <dir>', 'of the npm start that runs on this machine', '.kindred')
  .addHelpText('after', '\nElsewhere ACCESS_ADDRESS and PRINCIPAL_SECRET say where access is and how it is spoken to.')
  .parse()
  .opts<Wanted>();

try {
  const keys = await makeWorkspace(await placeOfAccess(process.env, wanted.data), wanted);
  process.stdout.write(`${JSON.stringify({ slug: wanted.slug, ...keys })}\n`);
} catch (error) {
  process.stderr.write(`${told(error)}\n`);
  process.exitCode = 1;
}

async function makeWorkspace({ address, secret }: AccessPlace, { slug, name = slug }: Wanted): Promise<{ adminKey: string; writeKey: string }> {
  const client = connect(access.AccessServiceService, address);
  try {
    const { created, adminKey, writeKey } = await client.bootstrapWorkspace(
      { slug, name, settings: undefined, adminKey: '', writeKey: '' },
      { principal: await new PrincipalSigner(secret).service('operator') },
    );
    if (!created) throw new WorkspaceError(`The workspace ${slug} is there already; its keys were shown when it was made. More keys: createApiKey, by its admin key.`);
    return { adminKey, writeKey };
  } catch (error) {
    if (error instanceof RpcError && error.status === status.UNAVAILABLE) throw new WorkspaceError(`Access does not answer at ${address}.`);
    throw error;
  } finally {
    client.close();
  }
}

/** What an operator can mend is a sentence; what is unexpected keeps its stack. */
function told(error: unknown): string {
  if (error instanceof RpcError || error instanceof WorkspaceError || error instanceof ConfigError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
