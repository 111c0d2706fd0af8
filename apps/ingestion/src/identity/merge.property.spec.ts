import fc from 'fast-check';

import { IdentityModel } from '../testing/identity.model.js';
import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';

const LIMITS = { IDENTITY_MAX_SUBJECTS: '5', IDENTITY_MAX_MERGES_PER_DAY: '4' };
const DAYS = ['2026-01-01', '2026-01-02'] as const;

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion(LIMITS);
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

type Step =
  | { readonly does: 'meet' | 'alias'; readonly one: string; readonly user: string; readonly day: (typeof DAYS)[number] }
  | { readonly does: 'undo'; readonly which: number };

const user = fc.constantFrom('u1', 'u2', 'u3');
const device = fc.constantFrom('d1', 'd2', 'd3', 'd4');
const day = fc.constantFrom(...DAYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('meet' as const), one: device, user, day }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('alias' as const), one: fc.oneof(user, device), user, day }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('undo' as const), which: fc.nat() }) },
);

let count = 0;

/** One run of the model and the real one side by side, with ids of its own. */
class Run {
  readonly model = new IdentityModel(Number(LIMITS.IDENTITY_MAX_SUBJECTS), Number(LIMITS.IDENTITY_MAX_MERGES_PER_DAY));
  private readonly prefix = `run${count++}`;

  async take(taken: Step): Promise<void> {
    if (taken.does === 'undo') return this.undo(taken.which);
    const [one, user] = [`${this.prefix}-${taken.one}`, `${this.prefix}-${taken.user}`];
    if (taken.does === 'alias' && one === user) return;
    const ids = taken.does === 'meet' ? { type: 'track', event: 'Seen', anonymousId: one } : { type: 'alias', previousId: one };
    const event = { ...ids, userId: user, messageId: `p${count++}`, timestamp: `${taken.day}T12:00:00Z` };
    const { results } = await kindred.events.trackEvents({ events: [Buffer.from(JSON.stringify(event))], sentAt: undefined }, call);
    if (results[0]?.reason !== '') throw new Error(`refused: ${results[0]?.detail}`);
    this.model[taken.does](one, user, taken.day);
  }

  async undo(which: number): Promise<void> {
    const holding = [...this.model.meetings.entries()].filter(([, { isUndone }]) => !isUndone);
    const [index, meeting] = holding[which % Math.max(holding.length, 1)] ?? [];
    if (index === undefined || !meeting) return;
    const { rows } = await kindred.sql.query<{ id: string }>(
      `SELECT g.id FROM ingestion.customer_merges g JOIN ingestion.subjects f ON f.id = g.from_subject_id JOIN ingestion.subjects i ON i.id = g.into_subject_id
       WHERE g.undone_at IS NULL AND f.kind || ' ' || f.external_id = $1 AND i.kind || ' ' || i.external_id = $2`,
      [meeting.from, meeting.into],
    );
    if (rows.length !== 1) throw new Error(`${rows.length} merges were written down where the model has one`);
    await kindred.identity.undoMerge({ id: rows[0]?.id ?? '' }, call);
    this.model.undo(index);
  }

  /** Which ids are together under which customer id, here and there, and the ids that were a customer's and lead elsewhere now. */
  async compare() {
    const { rows } = await kindred.sql.query<{ id: string; subject: string; customer: string; leads_to: string | null }>(
      `WITH RECURSIVE path AS (
         SELECT id AS start, id, merged_into FROM ingestion.customers WHERE workspace_id = $1
         UNION ALL SELECT p.start, c.id, c.merged_into FROM path p JOIN ingestion.customers c ON c.id = p.merged_into
       )
       SELECT s.id, s.kind || ' ' || s.external_id AS subject, m.customer_id AS customer, p.id AS leads_to
       FROM ingestion.subjects s JOIN ingestion.subject_customers m ON m.subject_id = s.id AND m.ended_horizon IS NULL
       LEFT JOIN path p ON p.start = s.id AND p.merged_into IS NULL
       WHERE s.workspace_id = $1 AND s.external_id LIKE $2`,
      [WORKSPACE, `${this.prefix}-%`],
    );
    const nameOf = new Map(rows.map(({ id, subject }) => [id, subject]));
    const real = Map.groupBy(rows, ({ customer }) => nameOf.get(customer) ?? customer);
    const sorted = (customers: Iterable<[string, Iterable<string>]>) => Object.fromEntries([...customers].map(([id, ids]) => [id, [...ids].sort()]));
    return {
      real: sorted([...real].map(([id, held]) => [id, held.map(({ subject }) => subject)])),
      model: sorted(this.model.customers),
      astray: rows.filter(({ leads_to, customer }) => leads_to !== null && leads_to !== customer),
    };
  }
}

test('whatever is merged and undone in whatever order, the meetings that hold make the customers', async () => {
  const expectSame = async (run: Run) => {
    const { real, model, astray } = await run.compare();
    expect(real).toEqual(model);
    expect(astray).toEqual([]);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), fc.array(fc.nat(), { minLength: 20, maxLength: 20 }), async (steps, order) => {
      const run = new Run();
      for (const taken of steps) {
        await run.take(taken);
        if (taken.does === 'undo') await expectSame(run);
      }
      await expectSame(run);
      // All of it undone, in any order: everybody is who they were before they met anybody.
      for (const which of order) await run.undo(which);
      await expectSame(run);
      expect([...run.model.customers.values()].every((ids) => ids.size === 1)).toBe(true);
    }),
    { numRuns: 25 },
  );
}, 240_000);
