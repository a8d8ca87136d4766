import { Readable } from 'node:stream';
import type { HttpRequest, InvocationContext } from '@azure/functions';
import { arrivals } from './arrivals.ts';

/** Azure's front end gives up at 230 s. */
const DISCARD_LIMIT_MS = 220_000;
/** For the answer to leave, when a body is given up as late as that. */
const GRACE_MS = 5_000;

const bodies = new WeakMap<HttpRequest, Readable>();

/**
 * The body of a request as Node's stream, the same one each time; null, or empty, when it has none, and null when
 * somebody else reads it through the library. It must not be destroyed: the response leaves by the same connection.
 *
 * The library hands a body on as a web stream, which copies each chunk and settles several promises for it: as much CPU again
 * as to receive it (docs/performance.md). So it is read where Node's server has it.
 */
export function requestBody(request: HttpRequest, { invocationId }: Pick<InvocationContext, 'invocationId'>) {
  const known = bodies.get(request);
  if (known !== undefined) return known;
  const message = arrivals.get(invocationId)?.request;
  // Two readers of one message would each get a part of it.
  const body = message !== undefined && !message.readableDidRead ? message : fromWeb(request.body);
  if (body !== null) bodies.set(request, body);
  return body;
}

/**
 * Reads off and forgets what is left of a request's body. The host reads an answer only after it has sent the whole body, and
 * makes a 500 of it when the reader stops or closes; and it sends the next request over the same connection to the worker, where
 * a body that is left unread makes that one wait forever (seen with a 17 MB body refused half-way).
 *
 * Ends 220 s after the request began, and after `limitBytes` more: nobody sends more than the host lets through. It holds
 * one chunk at a time.
 */
export function discardBody(body: Readable | null, limitBytes: number, beganAtMs = performance.now()): void {
  if (body === null || body.closed || body.readableEnded) return;
  const leftMs = beganAtMs + DISCARD_LIMIT_MS - performance.now();
  const timer = setTimeout(() => body.destroy(), Math.max(leftMs, GRACE_MS)).unref();
  let leftBytes = limitBytes;
  body.on('data', (chunk: Uint8Array) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) body.pause();
  });
  body.once('close', () => clearTimeout(timer)).resume();
}

/** For requests that did not come through the library's server. */
function fromWeb(body: HttpRequest['body']): Readable | null {
  if (body === null || body.locked) return null;
  // A sender that goes away while nobody reads is nobody's error.
  return Readable.fromWeb(body).on('error', () => {});
}
