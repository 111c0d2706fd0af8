// A process of its own: Node's HTTP server answering some 4 kB and nothing else, whatever it is asked. Prints its port.
import { createServer } from 'node:http';

const answer = JSON.stringify({ data: { segments: 'a list of them'.repeat(280) } });
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) };
const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, headers).end(answer));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
