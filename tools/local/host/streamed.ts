import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { RpcData } from './coreApi.ts';
import { answerStatus, discardRest, type Exchange, staysOpen } from './exchange.ts';
import { endToEnd, joinedHeaders } from './headers.ts';
import type { Invoker } from './invocation.ts';
import type { WriteLine } from './types.ts';

const INVOCATION_ID = 'x-ms-invocation-id';

/** The host gives up on a forwarded request in which nothing has moved for so long. */
const activityTimeoutMs = 240_000;

/**
 * Serves requests through the library's own proxy: the body flows there as it comes, the invocation itself carries no
 * body, and the two meet by the invocation id. A handler that fails therefore leaves the caller without an answer.
 */
export class StreamedRequests {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;
  readonly #invoker: Invoker;
  readonly #write: WriteLine;
  readonly #bodyLimitBytes: number;

  constructor(httpUri: string, invoker: Invoker, write: WriteLine, bodyLimitBytes: number) {
    this.#port = Number(new URL(httpUri).port);
    this.#invoker = invoker;
    this.#write = write;
    this.#bodyLimitBytes = bodyLimitBytes;
  }

  serve(exchange: Exchange): void {
    this.#forward(exchange);
    invoke(exchange, this.#invoker, this.#write);
  }

  close(): void {
    this.#agent.destroy();
  }

  #forward(exchange: Exchange): void {
    const { request, response, target, host, invocationId } = exchange;
    const upstream = httpRequest({
      agent: this.#agent,
      host: '127.0.0.1',
      port: this.#port,
      method: request.method,
      path: target,
      headers: {
        // As the real host does it, a caller's own id stands, and the request never meets its invocation (A§1).
        [INVOCATION_ID]: invocationId,
        ...endToEnd(request.headers),
        ...(request.headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
        'x-forwarded-host': host,
        'x-forwarded-proto': 'http',
      },
    });

    const stopForwarding = () => {
      request.unpipe(upstream);
      upstream.destroy();
    };

    let receivedBytes = 0;
    request.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes <= this.#bodyLimitBytes || upstream.destroyed) return;
      stopForwarding();
      this.#write({ level: 'error', message: `Request body too large: more than ${this.#bodyLimitBytes} bytes` });
      answerStatus(exchange, 500);
    });
    // The app may answer by the head alone, before the caller has sent a byte of the body.
    if (hasBody(request)) upstream.flushHeaders();
    request.pipe(upstream);

    upstream.setTimeout(activityTimeoutMs, () => {
      stopForwarding();
      answerStatus(exchange, 504);
    });
    upstream.on('response', (answer: IncomingMessage) => {
      staysOpen(request, response);
      response.writeHead(answer.statusCode ?? 500, endToEnd(answer.headers));
      answer.on('error', () => response.destroy());
      answer.on('end', () => {
        if (request.complete) return;
        stopForwarding();
        discardRest(request);
      });
      answer.pipe(response);
    });
    upstream.on('error', (error) => {
      if (response.writableEnded || response.destroyed) return;
      request.unpipe(upstream);
      this.#write({ level: 'error', message: `The app closed a request before it had answered: ${error.message}` });
      answerStatus(exchange, 500);
    });
    response.on('close', () => {
      if (!response.writableFinished) stopForwarding();
    });
  }
}

/** Serves requests that come to the library's proxy directly, with all that the host adds to one; without an id, 400. */
export function directRequests(invoker: Invoker, write: WriteLine): Pick<StreamedRequests, 'serve' | 'close'> {
  return {
    serve: (exchange) => {
      const invocationId = exchange.request.headers[INVOCATION_ID];
      if (typeof invocationId === 'string') invoke({ ...exchange, invocationId }, invoker, write);
      else answerStatus(exchange, 400);
    },
    close: () => {},
  };
}

/** The invocation alone, without a body; an answer goes through the library's proxy. */
function invoke({ request, match, invocationId, target }: Exchange, invoker: Invoker, write: WriteLine): void {
  const { fn, params } = match;
  const failed = (why: string) =>
    write({
      level: 'error',
      message: `Failed, and the caller gets no answer: ${why}`,
      functionName: fn.name,
      invocationId,
    });
  invoker
    .run({
      id: invocationId,
      fn,
      bindingName: fn.bindingName,
      input: { http: {} },
      triggerMetadata: triggerMetadata(joinedHeaders(request), target, params),
      traceParent: request.headersDistinct['traceparent']?.[0],
    })
    .then(
      (result) => {
        if (result !== undefined && result !== null)
          failed('Error: the handler returned a value that is no HTTP answer');
      },
      (error: unknown) => failed(describe(error)),
    );
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Headers, query and route parameters in one map, as the host sends them. A caller's query member named `headers`
 * takes the place of all real headers there, so an app sees such a request without its signature.
 */
function triggerMetadata(
  headers: Record<string, string>,
  target: string,
  params: Record<string, string>,
): Record<string, RpcData> {
  const query = Object.fromEntries(new URLSearchParams(target.split('?').slice(1).join('?')));
  const metadata = new Map<string, RpcData>();
  const add = (name: string, data: RpcData) => {
    const isTaken = [...metadata.keys()].some((known) => known.toLowerCase() === name.toLowerCase());
    if (!isTaken) metadata.set(name, data);
  };
  for (const [name, value] of Object.entries({ ...query, ...params })) add(name, { string: value });
  add('Headers', { json: JSON.stringify(headers) });
  add('Query', { json: JSON.stringify(query) });
  return Object.fromEntries(metadata);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
