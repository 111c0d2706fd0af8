import { RateLimitedError } from './event.failure.js';
import { EventRates } from './event.rates.js';

test('a key that used up its second is told when to come again, and other keys do not notice', async () => {
  const rates = new EventRates(100);
  await rates.take('key:1', 100);
  await expect(rates.take('key:1', 1)).rejects.toMatchObject({ retryAfterSeconds: 1 });
  await expect(rates.take('key:2', 100)).resolves.toBeUndefined();
});

test('a request of more than a second’s events is taken where nothing else was, and not beside others', async () => {
  const rates = new EventRates(100);
  await rates.take('key:1', 5_000);
  await expect(rates.take('key:1', 5_000)).rejects.toBeInstanceOf(RateLimitedError);
});
