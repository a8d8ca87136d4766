import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { FaultKind } from './faults.ts';
import type { Reply } from './reply.ts';
import { isObject, type JsonObject, newId } from './state.ts';

const HUGE_ANSWER_BYTES = 32 * 1024 * 1024;

/** The body when it is a JSON object. */
export async function readJson(request: IncomingMessage): Promise<JsonObject | undefined> {
  try {
    const json: unknown = JSON.parse(await text(request));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the answer, as far as the fault lets it through. */
export function write(response: ServerResponse, reply: Reply, fault?: FaultKind): void {
  if (fault === 'answer-lost') {
    response.destroy();
    return;
  }
  const bytes = Buffer.from(bodyOf(reply, fault));
  response.writeHead(reply.status, {
    'content-type': fault === 'not-json' ? 'text/html' : 'application/json',
    'content-length': bytes.length,
    'request-id': `req_${newId(12)}`,
    ...reply.headers,
  });
  if (fault === 'reset') response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  else response.end(bytes);
}

function bodyOf(reply: Reply, fault: FaultKind | undefined): string {
  if (fault === 'not-json') return '<!doctype html><title>Sign in</title>';
  const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  return fault === 'huge' ? body + ' '.repeat(HUGE_ANSWER_BYTES) : body;
}
