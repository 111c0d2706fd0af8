import { buildSchema, graphqlSync, type GraphQLResolveInfo } from 'graphql';

import { isAsked } from './selection.js';

const schema = buildSchema('type Query { sum: Sum } type Sum { total: Int items: [Int!] }');

test.each([
  ['{ sum { total } }', false],
  ['{ sum { items } }', true],
  ['{ sum { all: items } }', true],
  ['{ sum { items: total } }', false],
  ['{ sum { ... { items } } }', true],
  ['{ sum { ...all } } fragment all on Sum { ... on Sum { items } }', true],
  ['{ sum { total } sum { items } }', true],
])('what a query asks of a field is found in %s: %s', (source, expected) => {
  const asked: boolean[] = [];
  const sum = (_args: unknown, _context: unknown, info: GraphQLResolveInfo) => void asked.push(isAsked(info, 'items'));
  graphqlSync({ schema, source, rootValue: { sum } });
  expect(asked).toEqual([expected]);
});
