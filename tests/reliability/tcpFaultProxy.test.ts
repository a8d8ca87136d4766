import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { until } from '../support/until.ts';
import { startTcpFaultProxy, type TcpFaultProxy } from './tcpFaultProxy.ts';
import type { PlannedFault } from './tcpLink.ts';
import { FAULTS, isHarmless } from './wireCases.ts';

const BODY = Buffer.from('all the bytes '.repeat(10_000));
const received: string[] = [];
const server = createServer(async (request, response) => {
  received.push(await text(request).catch(() => 'broken'));
  response.end(received.at(-1));
});

let proxy: TcpFaultProxy;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await proxy.close();
  received.length = 0;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

async function send(plan: PlannedFault): Promise<{ text: string | undefined }> {
  proxy = await startTcpFaultProxy(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  proxy.onExchange = () => plan;
  const answer = await deliver({ url: new URL(proxy.url), body: bodyOf(BODY) }).catch(() => undefined);
  return { text: answer?.text };
}

const all = Object.entries(FAULTS);
const told = all.filter(([, fault]) => !isHarmless(fault) && fault.kind !== 'black-hole');

describe('the proxy', () => {
  it.each(all.filter(([, fault]) => isHarmless(fault)))('passes every byte in order with %s', async (_name, fault) => {
    expect(await send({ fault, phase: 'request', afterBytes: 0 })).toEqual({ text: BODY.toString() });
    expect(received).toEqual([BODY.toString()]);
    const [exchange] = proxy.exchanges;
    expect(exchange?.line).toBe('POST /');
    expect(exchange?.requestBytes).toBeGreaterThan(BODY.length);
    expect(exchange?.answerBytes).toBeGreaterThan(BODY.length);
  });

  it.each(told)('breaks the request off with %s, and both ends notice', async (_name, fault) => {
    expect(await send({ fault, phase: 'request', afterBytes: 70_000 })).toEqual({ text: undefined });
    await until(() => received.length === 1 || undefined);
    expect(received).toEqual(['broken']);
  });

  it.each(told)('lets the request through and breaks the answer off with %s', async (_name, fault) => {
    const { text: answer = '' } = await send({ fault, phase: 'answer', afterBytes: 70_000 });
    expect(answer.length).toBeLessThan(BODY.length);
    expect(received).toEqual([BODY.toString()]);
  });

  it('tells nobody of a black hole', async () => {
    let isOver = false;
    const hasBegun = new Promise<void>((onBegin) => {
      void send({ fault: { kind: 'black-hole' }, phase: 'request', afterBytes: 70_000, onBegin }).then(() => {
        isOver = true;
      });
    });
    await hasBegun;
    const other = await deliver({ url: new URL(proxy.url), method: 'GET' }).catch(() => undefined);
    expect([other?.status, isOver]).toEqual([200, false]);
    expect(received).toEqual(['']);
  });
});
