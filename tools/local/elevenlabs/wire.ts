import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
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
  if (reply.pieces !== undefined && fault !== 'not-json') {
    writePieces(response, { ...reply, pieces: reply.pieces }, fault).catch(() => response.destroy());
    return;
  }
  const bytes = reply.bytes !== undefined && fault === undefined ? reply.bytes : Buffer.from(bodyOf(reply, fault));
  response.writeHead(reply.status, {
    'content-type': fault === 'not-json' ? 'text/html' : 'application/json',
    'request-id': `req_${newId(12)}`,
    ...(fault === 'not-json' ? {} : reply.headers),
    'content-length': bytes.length,
  });
  if (fault === 'reset') response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  else response.end(bytes);
}

/** `reset`: half of it, and the connection breaks. */
async function writePieces(
  response: ServerResponse,
  { status, headers, pieces }: Reply & { readonly pieces: () => Iterable<Uint8Array> },
  fault?: FaultKind,
): Promise<void> {
  const total = Number(headers?.['content-length']);
  response.writeHead(status, headers);
  const isCut = fault === 'reset';
  const bytes = Readable.from(isCut ? beginningOf(pieces(), total / 2) : pieces());
  await pipeline(bytes, response, { end: !isCut });
  if (isCut) response.destroy();
}

function* beginningOf(pieces: Iterable<Uint8Array>, length: number): Generator<Uint8Array> {
  let left = Math.floor(length);
  for (const piece of pieces) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

function bodyOf(reply: Reply, fault: FaultKind | undefined): string {
  if (fault === 'not-json') return '<!doctype html><title>Sign in</title>';
  const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  return fault === 'huge' ? body + ' '.repeat(HUGE_ANSWER_BYTES) : body;
}
