import { isOfSegments, type Telling, TELLINGS, toldOf } from './told';

const segments = [{ id: 's', name: 'Early birds' }];

describe('what a webhook tells of, in words', () => {
  it('names segments, or says that it is all of them', () => {
    expect(toldOf({ events: [...TELLINGS.segments.events], segments: null })).toBe('all segments');
    expect(toldOf({ events: ['SEGMENT_EXITED'], segments })).toBe('Early birds (left)');
  });

  it('leaves segments out where it tells of unusual customers alone', () => {
    expect(toldOf({ events: [...TELLINGS.unusual.events], segments: null })).toBe('unusual customers');
    expect(toldOf({ events: [...TELLINGS.both.events], segments })).toBe('Early birds, unusual customers');
    expect(toldOf({ events: [...TELLINGS.both.events, ...TELLINGS.events.events], segments })).toBe('Early birds, unusual customers, unusual events');
    expect(toldOf({ events: [...TELLINGS.events.events], segments: null })).toBe('unusual events');
  });

  it('asks for segments only where it tells of some', () => {
    expect((Object.keys(TELLINGS) as Telling[]).filter(isOfSegments)).toEqual(['segments', 'both']);
  });
});
