import { readable, reasonInWords } from './reasons';

describe('a rejected event', () => {
  it('says its reason in words', () => {
    expect(reasonInWords('MISSING_CUSTOMER')).toBe('Missing customer');
    expect(reasonInWords('event-too-large')).toBe('Event too large');
  });

  it('shows what came, also where it is not JSON', () => {
    expect(readable('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(readable('{"a":')).toBe('{"a":');
  });
});
