import { blankMapping, columnOf, isOfCalls, nameOf, propertiesOf, readMapping, withColumn, withName } from './mapping';

const GUESSED = {
  format: 'kindred.mapping/1',
  customer: { column: 'user_id', separator: '-', prefix: '', integer: true },
  time: { column: 'at', timezone: 'Europe/Rome', format: '%d/%m/%Y' },
  event: { name: 'Event Recorded' },
  skip: [{ when: [{ column: 'user_id', empty: true }], reason: 'no customer' }, { when: { column: 'size', below: 0 }, reason: 'returned' }],
  properties: { device: { column: 'device', kind: 'categorical' }, size: { column: 'size', kind: 'numeric' }, what: { column: 'what' } },
};

describe('a mapping in a form', () => {
  it('shows the column of each target, that there is none, or that it is more than a column', () => {
    expect([columnOf(GUESSED, 'customer'), columnOf(GUESSED, 'anonymous'), columnOf(GUESSED, 'event')]).toEqual(['user_id', null, null]);
    expect(columnOf({ customer: { column: ['shop', 'user'] } }, 'customer')).toBeUndefined();
    expect(columnOf({ event: { rules: [], otherwise: 'Paid' } }, 'event')).toBeUndefined();
    expect(nameOf(GUESSED)).toBe('Event Recorded');
    expect(propertiesOf(GUESSED)).toEqual(['device', 'size', 'what']);
  });

  it('takes a column for a target, which is no property then', () => {
    const mapping = withColumn(GUESSED, 'anonymous', 'device');
    expect(mapping).toMatchObject({ customer: GUESSED.customer, anonymous: { column: 'device' }, time: GUESSED.time });
    expect(propertiesOf(mapping)).toEqual(['size', 'what']);
  });

  it('leaves out who has none of the ids, and what else is left out as it is', () => {
    const both = withColumn(GUESSED, 'anonymous', 'device');
    const [nobody, returned] = [{ when: [{ column: 'user_id', empty: true }, { column: 'device', empty: true }], reason: 'no customer' }, GUESSED.skip[1]];
    expect(both['skip']).toEqual([nobody, returned]);
    expect(withColumn(both, 'customer', null)['skip']).toEqual([{ ...nobody, when: [{ column: 'device', empty: true }] }, returned]);
    expect(withColumn(GUESSED, 'customer', null)['skip']).toEqual([returned]);
  });

  it('makes a property of a column that is no target any more', () => {
    const mapping = withColumn(GUESSED, 'customer', 'device');
    expect(mapping['customer']).toEqual({ column: 'device' });
    expect(propertiesOf(mapping)).toEqual(['size', 'what', 'user_id']);
    expect(propertiesOf(withColumn(withColumn(GUESSED, 'messageId', 'user_id'), 'customer', null))).not.toContain('user_id');
  });

  it('keeps the zone of times, and not how another column wrote them', () => {
    expect(withColumn(GUESSED, 'time', 'what')['time']).toEqual({ timezone: 'Europe/Rome', column: 'what' });
  });

  it('names events by a column, or all alike', () => {
    const mapping = withColumn(GUESSED, 'event', 'what');
    expect(mapping['event']).toEqual({ column: 'what' });
    expect(withColumn(mapping, 'event', null)['event']).toEqual({ name: 'Event Recorded' });
    expect(withName(mapping, 'Paid')['event']).toEqual({ name: 'Paid' });
  });

  it('begins with properties alone where nothing could be guessed', () => {
    const mapping = withColumn(withColumn(blankMapping(['a', 'b', 'c']), 'customer', 'b'), 'time', 'c');
    expect(mapping).toEqual({ event: { name: 'Event Recorded' }, customer: { column: 'b' }, time: { column: 'c' }, properties: { a: { column: 'a' } } });
  });

  it('is read where it is a JSON object', () => {
    expect([readMapping('{'), readMapping('[]'), readMapping('7')]).toEqual([undefined, undefined, undefined]);
    expect(readMapping('{"form":"segment"}')).toEqual({ form: 'segment' });
    expect([isOfCalls({ form: 'segment' }), isOfCalls(GUESSED)]).toEqual([true, false]);
  });
});
