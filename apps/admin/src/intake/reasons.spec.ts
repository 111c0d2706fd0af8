import { readable, reasonInWords, sourceInWords } from './reasons';

describe('a rejected event', () => {
  it('says its reason in words', () => {
    expect(reasonInWords('MISSING_CUSTOMER')).toBe('Missing customer');
    expect(reasonInWords('event-too-large')).toBe('Event too large');
  });

  it('says from where it came, with the line of a file', () => {
    expect(sourceInWords('http')).toBe('http');
    expect(sourceInWords('import:018f0000-0000-7000-8000-000000000001')).toBe('import 018f0000');
    expect(sourceInWords('import:018f0000-0000-7000-8000-000000000001 line 4')).toBe('import 018f0000 line 4');
  });

  it('shows what came, also where it is not JSON', () => {
    expect(readable('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(readable('{"a":')).toBe('{"a":');
  });
});
