import { portInUse, portsFrom } from '../scripts/start/ports.ts';

/** A base port below the system's ephemeral range whose whole block is free. */
export async function freeBase(): Promise<number> {
  for (let base = 21_000; base < 32_000; base += 40) {
    if ((await portInUse(portsFrom(base), new Set())) === undefined) return base;
  }
  throw new Error('There is no block of free ports between 21000 and 32000.');
}
