import { EventEmitter, once } from 'node:events';

import { type IntakeHouse, WRITE_KEY } from './intake-house.js';

export const AUTHORIZATION = `Basic ${Buffer.from(`${WRITE_KEY}:`).toString('base64')}`;
const EVENTS_OF_A_BATCH = 10;
/** One sender keeps one request under way. */
const SENDERS = 8;
/** Longer than any part is away; that nothing at all is acknowledged for so long is a failure of the test. One batch may be unlucky for as long as faults go on. */
const SILENT_AT_MOST_MS = 60_000;

/** Nothing was lost, nothing stored that was not sent, nothing twice. */
export const SOUND = { lost: [], invented: [], storedTwice: 0, claimedInVain: 0 };

/** What was sent, what was promised of it, and what came of it. */
export interface Verdict {
  /** Acknowledged, and neither stored nor in quarantine. */
  lost: string[];
  /** Stored or in quarantine, and never sent. */
  invented: string[];
  storedTwice: number;
  /** Message ids that no event was stored under. */
  claimedInVain: number;
  sent: number;
  acked: number;
  stored: number;
  duplicate: number;
  rejected: number;
}

/**
 * Senders that behave as SDKs do: a batch that is not acknowledged is sent again, the very same, until it is. Each
 * batch holds new events, an id that was sent before and an event without a name.
 */
export class IntakeLoad {
  readonly answers: { status: number; retryAfter: string | null }[] = [];
  private readonly sent = new Set<string>();
  private readonly acked = new Set<string>();
  private readonly ackedNameless = new Set<string>();
  private readonly progress = new EventEmitter();
  private readonly senders: Promise<void>[];
  private isStopping = false;
  private ackedAt = Date.now();
  private batches = 0;

  constructor(
    private readonly name: string,
    private readonly url: string,
  ) {
    this.senders = Array.from({ length: SENDERS }, () => this.keepSending());
  }

  /** Resolves once so many more batches were begun, or acknowledged. */
  async after(what: 'begun' | 'acked', batches: number): Promise<void> {
    const seen = async () => {
      for (let count = 0; count < batches; count++) await once(this.progress, what);
    };
    await Promise.race([seen(), Promise.all(this.senders)]);
  }

  /** Sends no new batch; resolves when every batch that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.senders);
  }

  /** Counts ids against the tables. */
  async verdict(house: IntakeHouse): Promise<Verdict> {
    const ids = async (table: string, where = 'true') =>
      (await house.rows<{ message_id: string }>(`SELECT message_id FROM ingestion.${table} WHERE message_id LIKE $1 AND ${where}`, [`${this.name} %`])).map(
        ({ message_id }) => message_id,
      );
    const stored = await ids('events');
    const unique = new Set(stored);
    const rejected = new Set(await ids('rejected_events', "unit = 'EVENT'"));
    const counts = {
      sent: this.sent.size,
      acked: this.acked.size + this.ackedNameless.size,
      stored: stored.length,
      duplicate: (await ids('duplicate_events')).length,
      rejected: rejected.size,
    };
    process.stderr.write(`   ${this.name}: ${Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(', ')}\n`);
    return {
      ...counts,
      lost: [...[...this.acked].filter((id) => !unique.has(id)), ...[...this.ackedNameless].filter((id) => !rejected.has(id))],
      invented: [...unique, ...rejected].filter((id) => !this.sent.has(id)),
      storedTwice: stored.length - unique.size,
      claimedInVain: (await ids('message_ids')).filter((id) => !unique.has(id)).length,
    };
  }

  private async keepSending(): Promise<void> {
    while (!this.isStopping) {
      const at = this.batches++;
      const fresh = Array.from({ length: EVENTS_OF_A_BATCH }, (_, place) => `${this.name} ${at} ${place}`);
      const nameless = `${this.name} ${at} nameless`;
      const again = `${this.name} ${Math.floor(Math.random() * at)} 0`;
      const ids = this.sent.has(again) ? [...fresh, again] : fresh;
      const events = [...ids.map((messageId, place) => track(messageId, place)), { type: 'track', userId: 'u', messageId: nameless }];
      for (const id of [...fresh, nameless]) this.sent.add(id);
      await this.untilAcked(JSON.stringify({ batch: events, sentAt: new Date().toISOString() }));
      for (const id of ids) this.acked.add(id);
      this.ackedNameless.add(nameless);
      this.progress.emit('acked');
    }
  }

  private async untilAcked(body: string): Promise<void> {
    for (const began = Date.now(); ; ) {
      this.progress.emit('begun');
      const response = await fetch(`${this.url}/v1/batch`, { method: 'POST', headers: { authorization: AUTHORIZATION }, body }).catch(() => undefined);
      if (response) this.answers.push({ status: response.status, retryAfter: response.headers.get('retry-after') });
      await response?.arrayBuffer().catch(() => undefined);
      if (response?.ok) {
        this.ackedAt = Date.now();
        return;
      }
      if (Date.now() - Math.max(began, this.ackedAt) > SILENT_AT_MOST_MS) throw new Error(`nothing was acknowledged for 60 s; last: ${response?.status ?? 'nobody there'}`);
      // Nobody is there, or it asks to come again: a breath, so that a dead port is not hammered.
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

function track(messageId: string, place: number) {
  return { type: 'track', event: 'Seen', userId: `u${place}`, anonymousId: `a${place}`, messageId, timestamp: new Date().toISOString(), properties: { place } };
}

/** How the ledger and the tables differ, over all that this house ever took; nothing if they agree. */
export async function ledgerGaps(house: IntakeHouse): Promise<object[]> {
  return house.rows(`
    WITH ledger AS (
      SELECT sum(received) AS received, sum(stored) AS stored, sum(duplicate) AS duplicate, sum(rejected) AS rejected FROM ingestion.intake_batches
    ), tables AS (
      SELECT (SELECT count(*) FROM ingestion.events) AS events, (SELECT count(*) FROM ingestion.duplicate_events) AS duplicates,
        (SELECT count(*) FROM ingestion.rejected_events WHERE unit = 'EVENT') AS rejections
    )
    SELECT * FROM ledger, tables
    WHERE received <> stored + duplicate + rejected OR (stored, duplicate, rejected) IS DISTINCT FROM (events, duplicates, rejections)`);
}
