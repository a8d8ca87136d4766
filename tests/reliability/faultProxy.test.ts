import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type HttpFaultProxy, startHttpFaultProxy } from '../support/faultProxy.ts';
import { until } from '../support/until.ts';

/** More than systems keep of a connection that nobody reads. */
const MOST_BYTES = 8_000_000;
const STEP_BYTES = 100_000;
const body = Buffer.alloc(MOST_BYTES);

// A server that reads no body until it is told to.
let isReading: Promise<void>;
let read: () => void;
const server = createServer(async (incoming, response) => {
  await isReading;
  incoming.resume().on('end', () => response.writeHead(201).end('stored'));
});
const stopReading = () => {
  isReading = new Promise((resolve) => {
    read = resolve;
  });
};
let proxy: HttpFaultProxy;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startHttpFaultProxy(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
});
afterAll(async () => {
  await proxy.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  stopReading();
  proxy.onRequest = () => undefined;
});

const put = (length: number) => {
  const sent = request(proxy.url, { method: 'PUT', agent: false, headers: { 'content-length': length } });
  sent.on('error', () => {});
  sent.end(body.subarray(0, length));
  return sent;
};
const nothingIsUnderWay = () => until(() => proxy.underWay === 0);

describe('a request that the app gives up is no longer under way', () => {
  it('however much of its body has come, and has not gone on yet', async () => {
    for (let length = 0; length <= MOST_BYTES; length += STEP_BYTES) {
      stopReading();
      const sent = put(length);
      await until(() => proxy.underWay === 1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      sent.destroy();
      await new Promise((resolve) => setTimeout(resolve, 10));
      read();
      await nothingIsUnderWay();
    }
    expect(proxy.requests.length).toBeGreaterThan(MOST_BYTES / STEP_BYTES);
  });

  it('when it was gone before it was known what happens to it', async () => {
    let decide: () => void = () => {};
    const isDecided = new Promise<undefined>((resolve) => {
      decide = () => resolve(undefined);
    });
    let isAsked = false;
    proxy.onRequest = () => {
      isAsked = true;
      return isDecided;
    };
    const sent = put(100);
    await until(() => isAsked);
    sent.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    decide();
    read();
    await nothingIsUnderWay();
  });

  it.each([undefined, { kind: 'lose-answer', status: 400 } as const])(
    'when its answer comes too late: %o',
    async (fault) => {
      proxy.onRequest = () => fault;
      const sent = put(100);
      await until(() => proxy.underWay === 1);
      sent.destroy();
      await new Promise((resolve) => setTimeout(resolve, 10));
      read();
      await nothingIsUnderWay();
    },
  );
});
