import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

type Fault =
  /** The request does not reach storage; this is the answer. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Record<string, string> }
  /** The server does it, and the answer is lost: the connection closes, or another answer comes instead. */
  | { readonly kind: 'lose-answer'; readonly status?: number; readonly headers?: Record<string, string> }
  /** The connection is closed at once. */
  | { readonly kind: 'refuse' }
  /** Nothing ever comes. */
  | { readonly kind: 'hang' };

/** A real HTTP hop between the app and a server that fails on demand. */
export interface HttpFaultProxy {
  readonly url: string;
  /** How many requests are with the server right now. */
  readonly underWay: number;
  /** Called for each request with its method and target; what it returns happens, as soon as it says so. */
  onRequest: (method: string, target: string) => Fault | undefined | Promise<Fault | undefined>;
  readonly requests: string[];
  close(): Promise<void>;
}

/** The same between the app and Azurite. */
export interface FaultProxy extends HttpFaultProxy {
  readonly connectionString: string;
}

export async function startFaultProxy(connectionString: string): Promise<FaultProxy> {
  const upstream = new URL(/BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? '');
  const proxy = await startHttpFaultProxy(upstream);
  return Object.assign(proxy, { connectionString: connectionString.replace(upstream.host, new URL(proxy.url).host) });
}

export async function startHttpFaultProxy(upstream: URL): Promise<HttpFaultProxy> {
  const requests: string[] = [];
  let underWay = 0;
  const server = createServer(async (request, response) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    const fault = await proxy.onRequest(request.method ?? '', request.url ?? '');
    if (fault?.kind === 'hang') request.resume();
    else if (fault?.kind === 'refuse') request.socket.destroy();
    else if (fault?.kind === 'answer') {
      request.resume().on('end', () => response.writeHead(fault.status, fault.headers).end());
    } else {
      underWay++;
      const onward = forward(upstream, request, response, fault);
      onward.once('close', () => underWay--);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: HttpFaultProxy = {
    url: `http://127.0.0.1:${port}`,
    get underWay() {
      return underWay;
    },
    onRequest: () => undefined,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

function forward(
  upstream: URL,
  request: IncomingMessage,
  response: ServerResponse,
  lost: { readonly status?: number; readonly headers?: Record<string, string> } | undefined,
): ClientRequest {
  const onward = httpRequest(
    {
      host: upstream.hostname,
      port: upstream.port,
      method: request.method,
      path: request.url,
      headers: request.headers,
    },
    (answer) => {
      answer.once('end', () => {
        if (!onward.writableFinished) giveUp(); // Node sends no more of a request that is answered before its end
      });
      if (lost !== undefined) {
        answer.resume().on('end', () => {
          if (lost.status === undefined) request.socket.destroy();
          else response.writeHead(lost.status, lost.headers).end();
        });
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
      response.once('close', () => answer.resume()); // nobody reads it any more, and it must end
    },
  );
  const giveUp = () => {
    request.unpipe(onward).resume();
    onward.destroy();
  };
  onward.on('error', () => request.socket.destroy());
  // When the app gives up, what has come of the body and was not read yet is lost, even if all of it had come (`complete`).
  const endUnlessRead = () => {
    if (!request.readableEnded) onward.destroy();
  };
  request.once('close', endUnlessRead);
  if (request.destroyed) endUnlessRead();
  request.pipe(onward);
  return onward;
}
