import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { HttpRequest } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { arrivals } from '../../../src/lib/http/arrivals.ts';
import { discardBody, requestBody } from '../../../src/lib/http/requestBody.ts';
import { bodyOf, brokenAfter, stalledAfter } from '../../support/bodies.ts';

/** What a server in this process gets, as the library's proxy does. */
let server: Server;
const received: IncomingMessage[] = [];

beforeAll(async () => {
  server = createServer((message, response) => {
    received.push(message);
    const id = message.headers['x-ms-invocation-id'];
    const arrival = {
      request: message,
      response,
      handOver: () => {},
      refusal: undefined,
      beganAtMs: performance.now(),
    };
    if (typeof id === 'string') arrivals.add(id, arrival, { waitMs: 60_000, onAlone: () => {} });
    response.flushHeaders();
    if (message.url === '/end') response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends a request on its way, and resolves once the server has it. */
async function send(id: string | undefined, body: string, path = '/'): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const headers = id === undefined ? {} : { 'x-ms-invocation-id': id };
  const sent = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', headers }).on('error', () => {});
  sent.on('response', (response) => response.on('error', () => {}).resume());
  sent.end(body);
  const before = received.length;
  while (received.length === before) await setImmediate();
  return received[before] as IncomingMessage;
}

const fromLibrary = (body: string | undefined) =>
  new HttpRequest({
    method: 'POST',
    url: 'https://app.example/',
    ...(body === undefined ? {} : { body: { string: body } }),
  });

async function textOf(body: Readable | null): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('the body of a request', () => {
  it('is the very stream that the server has, found by the invocation', async () => {
    const message = await send('invocation-1', 'from the socket');
    const body = requestBody(fromLibrary('from the library'), { invocationId: 'invocation-1' });
    expect(body).toBe(message);
    expect(await textOf(body)).toBe('from the socket');
  });

  it('is the same stream each time, also when it has been read in between', async () => {
    await send('invocation-2', 'once');
    const request = fromLibrary(undefined);
    const first = requestBody(request, { invocationId: 'invocation-2' });
    expect(await textOf(first)).toBe('once');
    expect(requestBody(request, { invocationId: 'invocation-2' })).toBe(first);
  });

  it('is never that of another invocation', async () => {
    await send('invocation-3', 'of another');
    await send(undefined, 'of nobody');
    expect(await textOf(requestBody(fromLibrary('own'), { invocationId: 'invocation-4' }))).toBe('own');
  });

  it('is taken from the library when something has begun to read what came', async () => {
    const message = await send('invocation-5', 'read by somebody');
    message.resume();
    await once(message, 'end');
    expect(await textOf(requestBody(fromLibrary('kept'), { invocationId: 'invocation-5' }))).toBe('kept');
  });

  it('is forgotten once the request has been answered', async () => {
    await send('invocation-6', '', '/end');
    const later = () => requestBody(fromLibrary(undefined), { invocationId: 'invocation-6' });
    await expect.poll(later).toBeNull();
  });

  it('is null while somebody else reads it through the library', async () => {
    const request = fromLibrary('read by somebody');
    request.body?.getReader();
    expect(requestBody(request, { invocationId: 'invocation-10' })).toBeNull();
  });

  it('is null when there is none', () => {
    expect(requestBody(fromLibrary(undefined), { invocationId: 'invocation-8' })).toBeNull();
  });

  it('of the library may break off unread without harm', async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error('aborted')) });
    const body = requestBody({ body: broken } as unknown as HttpRequest, { invocationId: 'invocation-9' });
    while (body?.closed === false) await setImmediate();
    expect(body?.errored).toMatchObject({ message: 'aborted' });
  });
});

describe('discardBody', () => {
  it('reads off the whole body', async () => {
    const body = bodyOf('a', 'b', 'c');
    discardBody(body, 1_000);
    await once(body, 'close');
    expect(body.readableEnded).toBe(true);
  });

  it('reads off what a handler has left', async () => {
    const body = bodyOf('a', 'b', 'c');
    await once(body, 'readable');
    expect(body.read().toString()).toBe('a');
    discardBody(body, 1_000);
    await once(body, 'close');
    expect(body.readableEnded).toBe(true);
  });

  it('reads no more than its limit', async () => {
    const body = bodyOf('abc', 'def', 'ghi', 'jkl');
    const read: string[] = [];
    body.on('data', (chunk) => read.push(chunk.toString()));
    discardBody(body, 4);
    await expect.poll(() => body.isPaused()).toBe(true);
    expect(read).toEqual(['abc', 'def']);
  });

  it('gives up 220 s after the request began, with some seconds for the answer', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [early, late] = [stalledAfter('a'), stalledAfter('a')];
    discardBody(early, 1_000, performance.now() - 100_000);
    discardBody(late, 1_000, performance.now() - 230_000);
    vi.advanceTimersByTime(4_000);
    expect([early.destroyed, late.destroyed]).toEqual([false, false]);
    vi.advanceTimersByTime(2_000);
    expect([early.destroyed, late.destroyed]).toEqual([false, true]);
    vi.advanceTimersByTime(115_000);
    expect(early.destroyed).toBe(true);
    vi.useRealTimers();
  });

  it.each([
    ['a body that has nothing left', () => bodyOf()],
    ['a body whose sender goes away', () => brokenAfter('a')],
    ['a body whose sender has gone', () => brokenAfter('a').destroy()],
    ['a body that stalls', () => stalledAfter('a')],
    ['no body', () => null],
  ])('takes %s', async (_name, body) => {
    expect(() => discardBody(body(), 1_000)).not.toThrow();
    await setImmediate();
  });
});
