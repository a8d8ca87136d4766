import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { type HostLine, type RunningHost, startHost } from '../../tools/local/host/host.ts';
import { until } from '../support/until.ts';

const bodyLimitBytes = 20_000_000;
const lines: HostLine[] = [];
const seen = {
  early: 0,
  bytes: 0,
  readError: undefined as unknown,
  timer: undefined as unknown,
  running: 0,
  mostAtOnce: 0,
};
let host: RunningHost;

beforeAll(async () => {
  host = await startHost(
    { port: 0, write: (line) => lines.push(line), bodyLimitBytes, timers: false, shutdownMs: 1_000 },
    loadApp,
  );
});
afterAll(() => host.close());

async function loadApp(): Promise<void> {
  const { app } = await import('@azure/functions');
  app.setup({ enableHttpStream: true });
  app.http('count', {
    route: 'count/{name}',
    methods: ['POST'],
    handler: async (request, context) => {
      seen.bytes = 0;
      try {
        for await (const chunk of request.body ?? []) seen.bytes += chunk.length;
      } catch (error) {
        seen.readError = error;
        throw error;
      }
      context.warn('counted %d', seen.bytes);
      return {
        jsonBody: { bytes: seen.bytes, params: request.params, signature: request.headers.get('x-signature') },
      };
    },
  });
  app.http('early', {
    methods: ['POST'],
    handler: () => {
      seen.early++;
      return { status: 413, body: 'too much' };
    },
  });
  app.http('stops', {
    methods: ['POST'],
    handler: async (request) => {
      await request.body?.getReader().read();
      return { status: 401 };
    },
  });
  app.http('closes', {
    methods: ['POST'],
    handler: () => ({ status: 401 }),
  });
  // As soon as it has answered; the host's own server has requests without an id.
  subscribe('http.server.response.finish', (message) => {
    const { request } = message as { request: IncomingMessage };
    if (request.url === '/closes' && 'x-ms-invocation-id' in request.headers) request.socket.destroy();
  });
  app.http('partly', {
    methods: ['POST'],
    handler: async (request) => {
      for await (const _ of request.body ?? []) break;
      seen.early++;
      return { status: 401 };
    },
  });
  app.http('throws', { methods: ['GET'], handler: () => Promise.reject(new Error('a bug')) });
  app.http('cured', { methods: ['GET'], handler: () => Promise.reject(new Error('a bug')) });
  app.http('hello', { methods: ['GET', 'HEAD'], handler: () => ({ body: 'hello' }) });
  app.timer('tick', {
    schedule: '0 */5 * * * *',
    handler: async (timer) => {
      seen.timer = timer;
      seen.mostAtOnce = Math.max(seen.mostAtOnce, ++seen.running);
      await new Promise(setImmediate);
      seen.running--;
    },
  });
  app.timer('broken', { schedule: '0 0 * * * *', handler: () => Promise.reject(new Error('a broken timer')) });
  app.hook.postInvocation((context) => {
    if (context.invocationContext.functionName !== 'cured') return;
    context.error = null;
    context.result = { status: 500 };
  });
}

const to = (path: string) => new URL(path, host.url);

test('it lists what the app has registered, with the route prefix of host.json', () => {
  expect(host.functions).toContainEqual({ name: 'early', kind: 'http', route: '/early', methods: ['POST'] });
  expect(host.functions).toContainEqual({ name: 'tick', kind: 'timer', schedule: '0 */5 * * * *' });
});

test.each([true, false])('a body arrives whole, chunked: %s', async (chunked) => {
  const body = bodyOf(Buffer.alloc(3_000_000, 'a'));
  const headers = { 'x-signature': 'abc' };
  const { status, text } = await deliver({ url: to('/count/Robin'), body, chunked, headers });
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({ bytes: 3_000_000, params: { name: 'Robin' }, signature: 'abc' });
});

test('log lines carry level, function name and invocation id', async () => {
  await deliver({ url: to('/count/x'), body: bodyOf(Buffer.from('four')) });
  const line = lines.findLast(({ functionName }) => functionName === 'count');
  expect(line).toMatchObject({
    level: 'warning',
    message: 'counted 4',
    invocationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test('a query member named headers hides all real headers, as on the real host', async () => {
  const { text } = await deliver({ url: to('/count/x?headers=y'), headers: { 'x-signature': 'abc' } });
  expect(JSON.parse(text)).toMatchObject({ signature: null });
});

test.each([
  ['early', 413],
  ['partly', 401],
])('the answer of /%s waits until the whole body is sent', async (path, expected) => {
  const socket = connect(Number(to('/').port), '127.0.0.1').setEncoding('utf8');
  let answer = '';
  socket.on('data', (data) => (answer += data));
  const before = seen.early;
  socket.write(`POST /${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`);
  await until(() => seen.early > before);
  expect((await fetch(to('/hello'))).status).toBe(200);
  expect(answer).toBe('');
  socket.write('0\r\n\r\n');
  await until(() => answer !== '');
  expect(answer).toMatch(`HTTP/1.1 ${expected} `);
  socket.destroy();
});

test.each([
  ['stops', 'stopped reading'],
  ['closes', 'closed'],
])('an app that has answered and then %s before the body is whole makes a 500 of its answer', async (path, why) => {
  // More than the buffers of the sockets hold.
  const body = bodyOf(Buffer.alloc(19_000_000));
  expect((await deliver({ url: to(`/${path}`), body, chunked: true })).status).toBe(500);
  expect(lines.some(({ message }) => message.includes(why))).toBe(true);
});

test('a body with a length is read whole before the function is invoked', async () => {
  const socket = connect(Number(to('/').port), '127.0.0.1').setEncoding('utf8');
  const before = seen.early;
  socket.write('POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf ');
  expect((await fetch(to('/hello'))).status).toBe(200);
  expect(seen.early).toBe(before);
  socket.write('rest.GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const answers = await socket.reduce((text: string, chunk: string) => text + chunk, '');
  expect(answers).toMatch(/^HTTP\/1.1 413 .*HTTP\/1.1 200 OK/s);
});

test('the members of a JSON body with a length are params, and one named headers takes the place of the headers', async () => {
  const body = Buffer.from('{"text":"a","number":1,"list":[],"nothing":null,"Headers":{"x-signature":"of the body"}}');
  const headers = { 'x-signature': 'abc' };
  const sized = JSON.parse((await deliver({ url: to('/count/x?text=b'), body: bodyOf(body), headers })).text);
  expect(sized).toMatchObject({ signature: 'of the body', params: { name: 'x', text: 'b', number: '1' } });
  expect(Object.keys(sized.params)).not.toContain('list');
  const chunked = await deliver({ url: to('/count/x'), body: bodyOf(body), headers, chunked: true });
  expect(JSON.parse(chunked.text)).toMatchObject({ signature: 'abc', params: { name: 'x' } });
});

test.each([
  ['33 kB of headers', '/hello', { 'x-long': 'a'.repeat(33_000) }, 431],
  [
    'more than 100 headers',
    '/hello',
    Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x-${at}`, '1'])),
    431,
  ],
  ['an address of more than 8 KB', `/hello?${'a'.repeat(8_200)}`, {}, 414],
])('%s are refused by the server itself', async (_what, path, headers, status) => {
  expect((await deliver({ url: to(path), method: 'GET', headers })).status).toBe(status);
});

test('the body read rejects when the client goes away', async () => {
  seen.readError = undefined;
  const socket = connect(Number(to('/').port), '127.0.0.1');
  socket.write('POST /count/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await until(() => seen.bytes === 4);
  socket.destroy();
  await until(() => seen.readError !== undefined);
});

test('a handler that throws leaves the caller without an answer', async () => {
  const signal = AbortSignal.timeout(500);
  await expect(fetch(to('/throws'), { signal })).rejects.toThrow(/timeout/);
  expect(lines.findLast(({ functionName }) => functionName === 'throws')?.message).toContain('a bug');
});

test('a hook after the invocation cures a handler that throws', async () => {
  expect((await fetch(to('/cured'))).status).toBe(500);
});

test.each([
  ['GET', '/count/x'],
  ['POST', '/unknown'],
  ['GET', '/'],
  ['POST', '/count'],
])('%s %s is answered 404', async (method, path) => {
  expect((await fetch(to(path), { method })).status).toBe(404);
});

test('HEAD is answered without a body', async () => {
  const response = await fetch(to('/hello/'), { method: 'HEAD' });
  expect([response.status, await response.text()]).toEqual([200, '']);
});

test.each([true, false])('a body over the limit is answered 500, chunked: %s', async (chunked) => {
  const body = bodyOf(Buffer.alloc(bodyLimitBytes + 1));
  expect((await deliver({ url: to('/count/x'), body, chunked })).status).toBe(500);
});

test('a timer function gets a Timer in the shape that the library documents', async () => {
  await host.runTimer('tick');
  expect(seen.timer).toMatchObject({ isPastDue: false, schedule: { adjustForDST: true }, scheduleStatus: {} });
});

test('a timer function never overlaps with itself', async () => {
  await Promise.all([host.runTimer('tick'), host.runTimer('tick'), host.runTimer('tick')]);
  expect(seen.mostAtOnce).toBe(1);
});

test('running a timer rejects with its error, and for an unknown name', async () => {
  await expect(host.runTimer('broken')).rejects.toThrow('a broken timer');
  await expect(host.runTimer('nobody')).rejects.toThrow('nobody');
});

test('a second host in one process is refused', async () => {
  await expect(startHost({ port: 0, write: () => {} }, loadApp)).rejects.toThrow('once per process');
});
