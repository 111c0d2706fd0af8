import { once } from 'node:events';

import { type IngestionProcess, IntakeHouse } from '../faults/intake-house.js';
import { FaultProxy } from './fault-proxy.js';

/** Events in a batch of an SDK's story. */
export const BATCH = 20;
/** For a story in which an SDK waits between its tries. */
export const WITHIN_MS = 90_000;

interface SeenEvent {
  userId: string;
  event: string;
  properties: { run: string; n: number };
}

/** One intake behind proxies, to which published SDKs send numbered events, run by run. */
export class SdkHouse {
  private constructor(
    private readonly intake: IntakeHouse,
    private service: IngestionProcess,
  ) {}

  static async open(): Promise<SdkHouse> {
    const intake = await IntakeHouse.open();
    return new SdkHouse(intake, await intake.start());
  }

  /** One for each client: what waits between its tries holds up nobody else. */
  proxy(): Promise<FaultProxy> {
    return FaultProxy.open(this.service.url);
  }

  rows<Row extends object>(sql: string, values: unknown[]): Promise<Row[]> {
    return this.intake.rows<Row>(sql, values);
  }

  /** Numbers of a run in order, each as often as it is stored. */
  async stored(run: string): Promise<number[]> {
    const rows = await this.rows<{ n: number }>("SELECT (properties->>'n')::int AS n FROM ingestion.events WHERE properties->>'run' = $1 ORDER BY 1", [run]);
    return rows.map(({ n }) => n);
  }

  /** Kills the intake with -9 while it works on what a proxy forwarded, and starts it again. Everybody misses it meanwhile. */
  async killInMidFlight(proxy: FaultProxy): Promise<void> {
    await once(proxy, 'forwarded');
    await this.service.kill();
    this.service = await this.intake.start(this.service);
  }

  close(): Promise<void> {
    return this.intake.close();
  }
}

/** Tracks the events of a run, one batch after the other, and resolves when each is sent or given up: how many are given up. */
export async function sendBatches(track: (event: SeenEvent) => Promise<{ isGivenUp: boolean }>, run: string, batches: number): Promise<number> {
  let givenUp = 0;
  for (let batch = 0; batch < batches; batch++) {
    const fates = Array.from({ length: BATCH }, (_, place) => track({ userId: `sdk-${run}`, event: 'Seen', properties: { run, n: batch * BATCH + place } }));
    givenUp += (await Promise.all(fates)).filter(({ isGivenUp }) => isGivenUp).length;
  }
  return givenUp;
}

export const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, at) => from + at);
