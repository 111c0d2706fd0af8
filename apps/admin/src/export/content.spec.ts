import { contentOf, draftOf, toggled, USUAL } from './content';

test('a column that comes back comes where it was, and an order that somebody chose stays', () => {
  expect(toggled(toggled(USUAL.columns, 'STRENGTH'), 'STRENGTH')).toEqual(USUAL.columns);
  expect(toggled(USUAL.columns, 'NOVELTY').at(-1)).toBe('NOVELTY');
  expect(toggled(['STRENGTH', 'USER_ID'], 'SINCE')).toEqual(['STRENGTH', 'USER_ID', 'SINCE']);
  expect(toggled([], 'AS_OF')).toEqual(['AS_OF']);
});

test('attributes are read one a line, whatever their names hold', () => {
  const content = { columns: ['USER_ID'] as const, attributes: ['plan', 'Name, "full"'] };
  expect(contentOf(draftOf(content))).toEqual(content);
  expect(contentOf({ columns: [], attributes: '\n plan \n\n' })).toEqual({ columns: [], attributes: ['plan'] });
});
