import type { ServerResponse } from 'node:http';
import type { LiveCalls } from './liveCalls.ts';

const HEARTBEAT_MS = 15_000;
/** A browser that has not read so much for a while is not looking; it comes again when it does. */
const MOST_UNREAD_BYTES = 64 * 1024 * 1024;

/** Sends what is stored and what changes as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function streamEvents(calls: Pick<LiveCalls, 'subscribe'>, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 1000\n\n');
  const unsubscribe = calls.subscribe((name, data) => {
    response.write(`event: ${name}\ndata: ${data}\n\n`);
    if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
  });
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS).unref();
  response.once('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
}
