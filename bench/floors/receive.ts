// The least there can be between a socket and a handler: reads a body and forgets it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
server.listen(0, '127.0.0.1', () => {
  process.on('disconnect', () => process.exit());
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
