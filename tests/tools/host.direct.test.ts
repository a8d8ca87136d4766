import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HostLine, type RunningHost, startHost } from '../../tools/local/host/host.ts';

const lines: HostLine[] = [];
let host: RunningHost;

beforeAll(async () => {
  host = await startHost({ port: 0, write: (line) => lines.push(line), timers: false, front: false }, async () => {
    const { app } = await import('@azure/functions');
    app.setup({ enableHttpStream: true });
    app.http('echo', {
      route: 'echo/{name}',
      methods: ['POST'],
      handler: async (request, { invocationId }) => {
        const { params, url } = request;
        return { jsonBody: { text: await request.text(), name: params['name'], url, invocationId } };
      },
    });
    app.http('nothing', { methods: ['GET'], handler: () => Promise.reject(new Error('a bug')) });
  });
});
afterAll(() => host.close());

const fromHost = (invocationId: string) => ({
  'x-ms-invocation-id': invocationId,
  'x-forwarded-host': 'app.example',
  'x-forwarded-proto': 'https',
});

test("a caller that sends what the host adds reaches the app through the library's proxy alone", async () => {
  const invocationId = randomUUID();
  const headers = fromHost(invocationId);
  const answer = await fetch(`${host.url}/echo/robin?x=1`, { method: 'POST', headers, body: 'hello' });
  expect(answer.status).toBe(200);
  const url = 'https://app.example/echo/robin?x=1';
  expect(await answer.json()).toEqual({ text: 'hello', name: 'robin', url, invocationId });
});

test('what no function takes is answered 404', async () => {
  const answer = await fetch(`${host.url}/other`, { headers: fromHost(randomUUID()) });
  expect(answer.status).toBe(404);
});

test('without the id of an invocation there is nothing to be invoked', async () => {
  const { 'x-ms-invocation-id': _none, ...headers } = fromHost('');
  const answer = await fetch(`${host.url}/echo/robin`, { method: 'POST', headers, body: 'hello' });
  expect(answer.status).toBe(400);
});

test('a handler that throws leaves its caller without an answer, and says so in the log', async () => {
  const invocationId = randomUUID();
  const asked = fetch(`${host.url}/nothing`, {
    headers: fromHost(invocationId),
    signal: AbortSignal.timeout(500),
  });
  await expect(asked).rejects.toThrow('timeout');
  const line = lines.find((each) => each.invocationId === invocationId && each.level === 'error');
  expect(line?.message).toMatch(/^Failed: Error: a bug/);
});

test("the library's server takes no connections from outside this machine", async () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  // Linux takes all of 127/8 as its own: a machine without a network shows there what a server listens at.
  if (outside.length === 0) outside.push('127.0.0.2');
  for (const address of outside) {
    const socket = connect(Number(new URL(host.url).port), address);
    const [error] = await Promise.race([once(socket, 'error'), once(socket, 'connect')]);
    expect(error, address).toMatchObject({ code: 'ECONNREFUSED' });
  }
});
