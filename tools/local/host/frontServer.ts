import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerStatus, type Exchange } from './exchange.ts';
import type { HttpFunction } from './functions.ts';
import { refusedByServer } from './headers.ts';
import { findRoute } from './routes.ts';
import type { WriteLine } from './types.ts';

interface FrontOptions {
  functions: HttpFunction[];
  bodyLimitBytes: number;
  write: WriteLine;
  serve: (exchange: Exchange) => void;
}

/** What callers talk to: finds the function, refuses what the host refuses in its own name. */
export function createFront({ functions, bodyLimitBytes, write, serve }: FrontOptions): RequestListener {
  return (request, response) => {
    response.on('error', () => {});
    const refused = refusedByServer(request);
    if (refused !== undefined) {
      answerStatus({ request, response }, refused);
      return;
    }
    const target = originForm(request.url ?? '/');
    const match = findRoute(functions, request.method ?? '', target.split('?')[0] ?? '/');
    if (match === undefined) {
      write({ level: 'debug', message: 'Answered 404: no function has this route and method' });
      answerStatus({ request, response }, 404);
      return;
    }
    if (Number(request.headers['content-length'] ?? 0) > bodyLimitBytes) {
      write({ level: 'error', message: `Request body too large: more than ${bodyLimitBytes} bytes` });
      answerStatus({ request, response }, 500);
      return;
    }
    serve({ request, response, match, target, host: hostOf(request, response), invocationId: randomUUID() });
  };
}

/** Listens on 127.0.0.1 and resolves to the port. Rejects with the system's error, for example EADDRINUSE. */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** A request target may be a whole address; the app gets its path and query. */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  return URL.canParse(target) ? target.replace(/^[^:]+:\/\/[^/?#]*/, '').replace(/^(?!\/)/, '/') : '/';
}

function hostOf(request: IncomingMessage, response: ServerResponse): string {
  return request.headers.host ?? `127.0.0.1:${response.socket?.localPort ?? 80}`;
}
