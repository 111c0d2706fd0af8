import { createServer } from 'node:net';

/** Ports by what listens there, as offsets from `--port`. */
const OFFSETS = {
  gateway: 0,
  intake: 1,
  accessHttp: 2,
  trainingHttp: 3,
  servingHttp: 4,
  ingestionGrpc: 11,
  accessGrpc: 12,
  trainingGrpc: 13,
  servingGrpc: 14,
  workerTrain: 15,
  workerScore: 16,
  gatewayGrpc: 17,
  postgres: 20,
  valkey: 21,
} as const;

export type Ports = Record<keyof typeof OFFSETS, number>;

export function portsFrom(base: number): Ports {
  return Object.fromEntries(Object.entries(OFFSETS).map(([name, offset]) => [name, base + offset])) as Ports;
}

/** The first port that somebody listens on, with what it was wanted for. */
export async function portInUse(ports: Ports, except: ReadonlySet<keyof Ports>): Promise<{ name: string; port: number } | undefined> {
  for (const [name, port] of Object.entries(ports)) {
    if (!except.has(name as keyof Ports) && !(await isFree(port))) return { name, port };
  }
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
