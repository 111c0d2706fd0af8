// A process of its own: what gRPC itself costs, a unary call that answers some 300 bytes with no codec. Prints its port.
import { Server, ServerCredentials } from '@grpc/grpc-js';

import { ECHO } from './echo.ts';

const answer = Buffer.alloc(300, 1);
const server = new Server();
server.addService(ECHO, { echo: (_call: unknown, done: (error: null, value: Buffer) => void) => done(null, answer) });
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
