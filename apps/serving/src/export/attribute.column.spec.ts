import { AttributeColumn } from './attribute.column.js';

const number = (text: string) => ({ kind: 'number', text });
const text = (of: string) => ({ kind: 'string', text: of });
const flag = { kind: 'boolean', text: 'true' };

test.each([
  ['nothing', [undefined, { kind: 'null', text: '' }], 'VARCHAR'],
  ['whole numbers', [number('1'), number('-9223372036854775808'), number('9223372036854775807')], 'BIGINT'],
  ['some that are not whole', [number('1'), number('2.5')], 'DOUBLE'],
  ['one that a double would round, and one that is not whole', [number('9007199254740993'), number('2.5')], 'VARCHAR'],
  ['the same the other way round', [number('2.5'), number('-9007199254740993')], 'VARCHAR'],
  ['the next after the largest', [number('9223372036854775808')], 'VARCHAR'],
  ['one that no double holds', [number('1'), number(`1${'0'.repeat(400)}`)], 'VARCHAR'],
  ['yes and no', [flag, undefined, flag], 'BOOLEAN'],
  ['numbers and yes', [number('1'), flag], 'VARCHAR'],
  ['digits in a text', [text('12'), text('13')], 'VARCHAR'],
  ['a text, then numbers', [text('x'), number('1'), number('2')], 'VARCHAR'],
  ['a list', [{ kind: 'array', text: '[1, 2]' }], 'VARCHAR'],
] as const)('of %s the column is of the type that loses none of it', (_what, values, type) => {
  const column = new AttributeColumn('plan');
  expect(values.map((value) => column.take(value))).toEqual(values.map((value) => (value && value.kind !== 'null' ? value.text : null)));
  expect(column.column).toEqual({ name: 'attribute_plan', type });
});
