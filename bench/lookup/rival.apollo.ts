// A process of its own: Apollo Server on Express with its defaults, answering constants. Prints its port.
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';

import { SDL } from './query.ts';

const segments = Array.from({ length: 25 }, (_, index) => ({
  id: `segment-${index}`, name: `Segment ${index}`, description: 'A group of customers, in words', size: 40, share: 0.04, stability: 0.9,
}));
const memberships = [0, 1, 2].map((index) => ({ segment: segments[index], strength: 0.9, since: '2026-11-25T12:00:00.000Z' }));
const server = new ApolloServer({ typeDefs: SDL, resolvers: { Query: { customer: () => ({ memberships }), segments: () => ({ nodes: segments }) } } });
await server.start();
const app = express().use('/graphql', express.json(), expressMiddleware(server));
const listening = app.listen(0, '127.0.0.1', () => {
  const address = listening.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
