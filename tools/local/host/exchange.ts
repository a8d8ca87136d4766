import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Match } from './routes.ts';

/** One request from outside on its way to a function. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  match: Match;
  invocationId: string;
  /** The request target without scheme and host. */
  target: string;
  /** The host as the caller spelled it. */
  host: string;
}

/** How long the rest of a refused body is read, so that the caller gets to see the answer. The real host's server waits as long. */
const drainMs = 5_000;

/** Answers with a status alone, as the host does in its own name. */
export function answerStatus({ request, response }: Pick<Exchange, 'request' | 'response'>, status: number): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  staysOpen(request, response);
  response.writeHead(status, { 'content-length': 0 }).end();
  discardRest(request);
}

/**
 * To be called before the head of an answer is written: a server that closes while the caller still sends takes the
 * answer from it, even when the caller has asked for `connection: close`.
 */
export function staysOpen(request: IncomingMessage, response: ServerResponse): void {
  if (!request.complete) response.shouldKeepAlive = true;
}

/** Reads and forgets what the caller still sends after its answer; closing at once would make it lose the answer. */
function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), drainMs);
  request.once('close', () => clearTimeout(timer));
}
