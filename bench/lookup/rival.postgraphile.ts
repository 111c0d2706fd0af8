// A process of its own: PostGraphile with its defaults over serving's tables, installed beside (see rivals.ts). Prints
// its port. Arguments: the folder that it is installed in, and a database URL.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder = '', databaseUrl = ''] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));
const load = async (name: string) => (await import(require.resolve(name))) as Record<string, never>;

interface Grafserv {
  addTo(server: object): Promise<void>;
}
const { postgraphile } = (await load('postgraphile')) as unknown as { postgraphile: (preset: object) => { createServ: (grafserv: unknown) => Grafserv } };
const { PostGraphileAmberPreset } = (await load('postgraphile/presets/amber')) as unknown as { PostGraphileAmberPreset: object };
const { makePgService } = (await load('postgraphile/adaptors/pg')) as unknown as { makePgService: (options: object) => object };
const { grafserv } = (await load('postgraphile/grafserv/node')) as unknown as { grafserv: unknown };

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: databaseUrl, schemas: ['serving'], poolConfig: { max: 12 } })],
  grafserv: { graphqlPath: '/graphql', websockets: false, watch: false },
});
const server = createServer();
server.on('error', (error) => {
  throw error;
});
await instance.createServ(grafserv).addTo(server);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
