import { afterAll, beforeAll, expect, test } from 'vitest';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { type RunningHost, startHost } from '../../tools/local/host/host.ts';

let host: RunningHost;

beforeAll(async () => {
  host = await startHost({ port: 0, write: () => {}, bodyLimitBytes: 1_000 }, async () => {
    const { app } = await import('@azure/functions');
    app.http('count', {
      methods: ['POST'],
      handler: async (request) => ({
        body: String((await request.arrayBuffer()).byteLength),
        headers: { 'x-app': 'yes' },
      }),
    });
    app.http('throws', { methods: ['GET'], handler: () => Promise.reject(new Error('a bug')) });
    app.http('nothing', { methods: ['GET'], handler: () => undefined as never });
  });
});
afterAll(() => host.close());

const to = (path: string) => new URL(path, host.url);

test('without HTTP streams a chunked body arrives empty', async () => {
  const { status, text } = await deliver({ url: to('/count'), body: bodyOf(Buffer.from('four')), chunked: true });
  expect([status, text]).toEqual([200, '0']);
});

test('without HTTP streams a sized body arrives whole', async () => {
  const { status, text, headers } = await deliver({ url: to('/count'), body: bodyOf(Buffer.from('four')) });
  expect([status, text, headers['x-app']]).toEqual([200, '4', 'yes']);
});

test.each([
  ['/throws', 500],
  ['/nothing', 204],
])('without HTTP streams %s is answered %d', async (path, status) => {
  expect((await fetch(to(path))).status).toBe(status);
});

test('without HTTP streams a body over the limit is answered 500', async () => {
  expect((await deliver({ url: to('/count'), body: bodyOf(Buffer.alloc(1_001)) })).status).toBe(500);
});
