import { generate } from './shop.js';
import { truthOf } from './truth.js';

const until = Date.parse('2026-06-01T00:00:00Z');
const DAY = 86_400_000;

describe('the truth', () => {
  it('knows everyone who did anything, and nobody else', () => {
    const options = { seed: 3, customers: 150, until };
    const seen = new Set([...generate(options)].flatMap((call) => (call.type === 'track' ? [call.userId] : [])));
    expect(new Set(truthOf(options).customers.map(({ userId }) => userId))).toEqual(seen);
  });

  it('has as much noise and as many mixtures as asked for, and every behaviour about as often as any', () => {
    const { customers, behaviours } = truthOf({ seed: 1, customers: 4000, until, noise: 0.15 });
    const share = (test: (customer: (typeof customers)[number]) => boolean): number =>
      customers.filter(test).length / customers.length;
    expect(share(({ kind }) => kind === 'noise')).toBeCloseTo(0.075, 1.5);
    expect(share(({ kind }) => kind === 'mixture')).toBeCloseTo(0.075, 1.5);
    expect(behaviours).toHaveLength(6);
    for (const { key } of behaviours) expect(share(({ behaviour }) => behaviour === key)).toBeCloseTo(0.85 / 6, 1.3);
  });

  it('names both behaviours of a mixture', () => {
    const { customers, behaviours } = truthOf({ seed: 1, customers: 300, until, noise: 1 });
    const keys = new Set(behaviours.map(({ key }) => key));
    const mixtures = customers.filter(({ kind }) => kind === 'mixture').map(({ behaviour }) => behaviour.split('+'));
    expect(mixtures.length).toBeGreaterThan(0);
    for (const parts of mixtures) {
      expect(new Set(parts).size).toBe(2);
      expect(parts.every((part) => keys.has(part))).toBe(true);
    }
  });

  it('lists every event of an anomaly that the history holds', () => {
    const options = { seed: 2, customers: 200, until, anomalies: 0.1 };
    const listed = truthOf(options).anomalies.flatMap(({ messageIds }) => messageIds);
    const ordinary = new Set([...generate({ ...options, anomalies: 0 })].map(({ messageId }) => messageId));
    const strange = [...generate(options)].map(({ messageId }) => messageId).filter((id) => !ordinary.has(id));
    expect(strange.length).toBeGreaterThan(100);
    expect(strange.sort()).toEqual(listed.sort());
  });
});

describe('a drift', () => {
  const drift = until - 120 * DAY;
  const options = { seed: 4, customers: 500, until, drift };

  it('changes nothing before it sets in', () => {
    const before = (given: typeof options | Omit<typeof options, 'drift'>): string[] =>
      [...generate(given)].filter(({ timestamp }) => Date.parse(timestamp) < drift - 4 * DAY).map((call) => JSON.stringify(call));
    const { drift: _, ...steady } = options;
    expect(before(options)).toEqual(before(steady));
  });

  it('gives birth to a behaviour, and tells what its followers did before', () => {
    const { customers, behaviours } = truthOf(options);
    expect(behaviours.map(({ key }) => key)).toContain('resellers');
    const changed = customers.filter(({ before }) => before !== undefined);
    const born = customers.filter(({ behaviour }) => behaviour === 'resellers');
    expect(born.length).toBeGreaterThan(20);
    expect(changed.length / customers.length).toBeCloseTo(0.85 * 0.3, 0.9);
    expect(changed.every(({ before, behaviour }) => before?.behaviour !== behaviour)).toBe(true);
  });

  it('is unknown to the truth where it lies after the end', () => {
    const customers = truthOf({ ...options, drift: until + DAY }).customers;
    expect(customers.every(({ before, behaviour }) => before === undefined && behaviour !== 'resellers')).toBe(true);
  });
});
