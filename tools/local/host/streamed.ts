import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { bindingData } from './bindingData.ts';
import { answerStatus, type Exchange, staysOpen } from './exchange.ts';
import { endToEnd, joinedHeaders } from './headers.ts';
import type { Invoker } from './invocation.ts';
import type { WriteLine } from './types.ts';

const INVOCATION_ID = 'x-ms-invocation-id';

/** The host gives up on a forwarded request in which nothing has moved for so long. */
const activityTimeoutMs = 240_000;

/** How long a reader may stop after it has answered; the real host gives up on it after some seconds, too. */
const stalledReaderMs = 5_000;

/** What is held of a body between the caller and the app. */
const unsentLimitBytes = 256 * 1024;

interface StreamedOptions {
  httpUri: string;
  invoker: Invoker;
  write: WriteLine;
  bodyLimitBytes: number;
  overridesInvocationId: boolean;
}

/**
 * Serves requests through the library's own proxy: the body flows there as it comes, the invocation itself carries no
 * body, and the two meet by the invocation id. A handler that fails therefore leaves the caller without an answer.
 */
export class StreamedRequests {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #options: StreamedOptions;

  constructor(options: StreamedOptions) {
    this.#options = options;
  }

  serve(exchange: Exchange): void {
    const { invoker, write } = this.#options;
    const { request } = exchange;
    if (Number(request.headers['content-length'] ?? 0) === 0) {
      this.#forward(exchange);
      invoke(exchange, invoker, write);
      return;
    }
    // A body with a Content-Length is read whole, and looked into, before anything is invoked.
    request.toArray().then(
      (chunks: Buffer[]) => {
        const body = Buffer.concat(chunks);
        this.#forward(exchange, body);
        invoke(exchange, invoker, write, body);
      },
      () => {}, // the caller has gone
    );
  }

  close(): void {
    this.#agent.destroy();
  }

  #forward(exchange: Exchange, sized?: Buffer): void {
    const { httpUri, overridesInvocationId } = this.#options;
    const { request, response, target, host, invocationId } = exchange;
    const upstream = httpRequest({
      agent: this.#agent,
      host: '127.0.0.1',
      port: new URL(httpUri).port,
      method: request.method,
      path: target,
      headers: {
        ...(overridesInvocationId ? {} : { [INVOCATION_ID]: invocationId }),
        ...endToEnd(request),
        ...(overridesInvocationId ? { [INVOCATION_ID]: invocationId } : {}),
        ...(request.headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
        'x-forwarded-host': host,
        'x-forwarded-proto': 'http',
      },
    });
    const fail = (status: number, why: string) => {
      if (response.writableEnded || response.destroyed) return;
      upstream.destroy();
      this.#options.write({ level: 'error', message: why });
      answerStatus(exchange, status);
    };

    // The app may answer by the head alone, before the caller has sent a byte of the body.
    if (hasBody(request)) upstream.flushHeaders();
    if (sized === undefined) this.#pump(request, upstream, fail);
    else upstream.end(sized);

    upstream.setTimeout(activityTimeoutMs, () => fail(504, 'Nothing has moved in a forwarded request for 240 s'));
    upstream.on('response', (answer) => {
      answer.on('error', () => response.destroy());
      whenSent(upstream, fail, () => {
        staysOpen(request, response);
        response.writeHead(answer.statusCode ?? 500, endToEnd(answer));
        answer.pipe(response);
      });
    });
    upstream.on('error', (error) => fail(500, `The app closed a request before it was whole: ${error.message}`));
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
  }

  /** Not by `pipe`: Node's HTTP client tells no more of `drain` once an answer has come. */
  #pump(request: IncomingMessage, upstream: ClientRequest, fail: Fail): void {
    const { bodyLimitBytes } = this.#options;
    let receivedBytes = 0;
    let unsentBytes = 0;
    request.on('data', (chunk: Buffer) => {
      if (upstream.destroyed) return;
      receivedBytes += chunk.length;
      if (receivedBytes > bodyLimitBytes) {
        fail(500, `Request body too large: more than ${bodyLimitBytes} bytes`);
        return;
      }
      unsentBytes += chunk.length;
      if (unsentBytes > unsentLimitBytes) request.pause();
      upstream.write(chunk, () => {
        unsentBytes -= chunk.length;
        if (unsentBytes <= unsentLimitBytes) request.resume();
      });
    });
    request.on('end', () => upstream.end());
  }
}

type Fail = (status: number, why: string) => void;

/**
 * The host's HTTP client sends the whole body before it reads the answer: an early refusal does not shorten an upload, and a
 * reader that stops, or closes, makes a 500 of its own answer. Only time in which this process had nothing to do counts as
 * standing still: the reader is in it, too.
 */
function whenSent(upstream: ClientRequest, fail: Fail, deliver: () => void): void {
  if (upstream.writableFinished) {
    deliver();
    return;
  }
  let idleMsAtMove = idleMs();
  let sentBytes = -1;
  const watch = setInterval(() => {
    const bytes = upstream.socket?.bytesWritten ?? 0;
    if (bytes !== sentBytes || !(upstream.socket?.writableLength ?? 0)) idleMsAtMove = idleMs();
    sentBytes = bytes;
    if (idleMs() - idleMsAtMove >= stalledReaderMs) fail(500, 'The app has answered and stopped reading the body');
  }, 500).unref();
  upstream.once('finish', deliver);
  upstream.once('close', () => {
    clearInterval(watch);
    if (!upstream.writableFinished) fail(500, 'The app has answered and closed before the body was whole');
  });
}

const idleMs = () => performance.eventLoopUtilization().idle;

/** Serves requests that come to the library's proxy directly, with all that the host adds to one; without an id, 400. */
export function directRequests(invoker: Invoker, write: WriteLine): Pick<StreamedRequests, 'serve' | 'close'> {
  return {
    serve: (exchange) => {
      const invocationId = exchange.request.headers[INVOCATION_ID];
      if (typeof invocationId === 'string') invoke({ ...exchange, invocationId }, invoker, write);
      else if (!exchange.response.headersSent) answerStatus(exchange, 400);
    },
    close: () => {},
  };
}

/** The invocation alone, without a body; an answer goes through the library's proxy. */
function invoke(exchange: Exchange, invoker: Invoker, write: WriteLine, body?: Buffer): void {
  const { request, match, invocationId, target } = exchange;
  const { fn, params } = match;
  const failed = (why: string) =>
    write({ level: 'error', message: `Failed: ${why}`, functionName: fn.name, invocationId });
  invoker
    .run({
      id: invocationId,
      fn,
      bindingName: fn.bindingName,
      input: { http: {} },
      triggerMetadata: bindingData({ headers: joinedHeaders(request), target, params, body }),
      traceParent: request.headersDistinct['traceparent']?.[0],
    })
    .then(
      (result) => {
        if (result !== undefined && result !== null)
          failed('the handler returned a value that is not an HTTP response, so the caller gets no response');
      },
      (error: unknown) => failed(describe(error)),
    );
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
