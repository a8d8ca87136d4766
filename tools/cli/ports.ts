import { createServer } from 'node:net';

/** Another program listens on a port that is needed. */
export class PortTakenError extends Error {
  readonly port: number;

  constructor(port: number, options?: ErrorOptions) {
    super(`Port ${port} on 127.0.0.1 is taken`, options);
    this.name = 'PortTakenError';
    this.port = port;
  }
}

/** Whether a server could listen on this port of 127.0.0.1 now. Rejects when the port may not be used at all. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
