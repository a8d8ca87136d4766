import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Body } from './body.ts';

export interface Delivery {
  url: URL;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: Body;
  /** Send with `transfer-encoding: chunked`, without saying how long the body is. */
  chunked?: boolean;
  onProgress?: (sentBytes: number) => void;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  milliseconds: number;
}

/** Longer than any receiver on Azure may take. */
const silenceLimitMs = 240_000;

/**
 * Sends a request and waits for its answer. An answer that comes before the body has been sent ends the sending.
 * Rejects with the system's error when there is no connection, for example `code` ECONNREFUSED.
 */
export async function deliver(delivery: Delivery): Promise<Answer> {
  const start = performance.now();
  const request = open(delivery);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
  });
  answered.catch(() => {});
  try {
    // A receiver may close its end once it has answered; what counts then is the answer.
    await Promise.race([answered, sendBody(request, delivery).catch(() => {})]);
    const response = await answered;
    const text = await readText(response);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      milliseconds: Math.round(performance.now() - start),
    };
  } finally {
    request.destroy();
  }
}

function open({ url, method = 'POST', headers, body, chunked = false }: Delivery): ClientRequest {
  const framing: Record<string, string | number> = chunked
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': body?.bytes ?? 0 };
  // "connection: close" would make some servers close right after an early answer, while this end still sends.
  const connection = { connection: 'keep-alive' };
  const options = {
    method,
    agent: false,
    headers: { ...headers, ...connection, ...(method === 'GET' ? {} : framing) },
  } as const;
  const request = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
  request.setTimeout(silenceLimitMs, () => request.destroy(new Error(`no answer within ${silenceLimitMs / 1000} s`)));
  return request;
}

async function sendBody(request: ClientRequest, { body, onProgress }: Delivery): Promise<void> {
  let isAnswered = false;
  request.once('response', () => {
    isAnswered = true;
  });
  let sentBytes = 0;
  for (const chunk of body?.chunks() ?? []) {
    if (isAnswered || request.destroyed) return;
    sentBytes += chunk.length;
    if (!request.write(chunk)) await drained(request);
    onProgress?.(sentBytes);
  }
  request.end();
}

/** Resolves when the request takes more, or when it never will. */
function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      request.off('drain', done).off('close', done);
      resolve();
    };
    request.on('drain', done).on('close', done);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
  } catch {
    // The status has arrived; a body that was cut off does not change it.
  }
  return text;
}
