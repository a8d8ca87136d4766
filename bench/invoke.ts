import { createHmac, randomUUID } from 'node:crypto';
import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { SECRET } from './apps.ts';

const CHUNK_BYTES = 64 * 1024;

/** A request whose making is not to be measured. */
export interface SignedRequest {
  readonly body: Buffer;
  readonly headers: Headers;
}

type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>;

export function signed(body: Buffer): SignedRequest {
  const t = Math.floor(Date.now() / 1000);
  const v0 = createHmac('sha256', SECRET).update(`${t}.`).update(body).digest('hex');
  return {
    body,
    headers: new Headers({ 'elevenlabs-signature': `t=${t},v0=${v0}`, 'content-type': 'application/json' }),
  };
}

/** Calls a handler without a host, with the body as a stream of chunks. */
export async function invoke(handle: Handler, { body, headers }: SignedRequest): Promise<HttpResponseInit> {
  const stream = new ReadableStream({
    start(controller) {
      for (let at = 0; at < body.length; at += CHUNK_BYTES) controller.enqueue(body.subarray(at, at + CHUNK_BYTES));
      controller.close();
    },
  });
  const quiet = () => {};
  // The two types are classes of the library; the handlers use these members.
  const request = { headers, body: stream } as unknown as HttpRequest;
  const context = { invocationId: randomUUID(), debug: quiet, info: quiet, warn: quiet, error: quiet };
  const answer = await handle(request, context as unknown as InvocationContext);
  if (answer.status !== 200)
    throw new Error(`answered ${answer.status}: ${JSON.stringify(answer.jsonBody ?? answer.body)}`);
  return answer;
}
