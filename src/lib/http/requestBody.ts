import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { HttpRequest, InvocationContext } from '@azure/functions';

const INVOCATION_ID = 'x-ms-invocation-id';
const DISCARD_LIMIT_MS = 10_000;

const arrived = new Map<string, IncomingMessage>();
const bodies = new WeakMap<HttpRequest, Readable>();

/**
 * From now on {@link requestBody} reads requests where Node's server has them. The library hands a body on as a web stream,
 * which copies each chunk and settles several promises for it: as much CPU again as to receive it (docs/performance.md).
 */
export function followRequests(): void {
  subscribe('http.server.request.start', (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    // The library matches requests and invocations by the same header (A§4.3).
    const id = request.headers[INVOCATION_ID];
    if (typeof id !== 'string') return;
    arrived.set(id, request);
    response.once('close', () => {
      if (arrived.get(id) === request) arrived.delete(id);
    });
  });
}

/**
 * The body of a request as Node's stream, the same one each time; null, or empty, when it has none, and null when
 * somebody else reads it through the library. It must not be destroyed: the answer goes the way that it has come.
 */
export function requestBody(request: HttpRequest, { invocationId }: Pick<InvocationContext, 'invocationId'>) {
  const known = bodies.get(request);
  if (known !== undefined) return known;
  const message = arrived.get(invocationId);
  // Two readers of one message would each get a part of it.
  const body = message !== undefined && !message.readableDidRead ? message : fromWeb(request.body);
  if (body !== null) bodies.set(request, body);
  return body;
}

/**
 * Reads off and forgets what a handler left of a request's body. The host sends the next request over the same connection
 * to the worker; a body that stands there unread, cancelled or not, makes that one wait for ever (seen with a 17 MB body
 * refused half-way). Gives up on a sender that takes longer than ten seconds.
 */
export function discardBody(body: Readable | null): void {
  if (body === null || body.closed) return;
  const timer = setTimeout(() => body.pause(), DISCARD_LIMIT_MS).unref();
  body.once('close', () => clearTimeout(timer)).resume();
}

/** For requests that did not come through the library's proxy. */
function fromWeb(body: HttpRequest['body']): Readable | null {
  if (body === null || body.locked) return null;
  // A sender that goes away while nobody reads is nobody's error.
  return Readable.fromWeb(body).on('error', () => {});
}
