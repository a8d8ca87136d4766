import { setTimeout } from 'node:timers/promises';
import type { HttpRequest } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guardFunctions } from '../../src/lib/guardFunctions.ts';
import { readSettings } from '../../src/lib/settings/settings.ts';
import type { DeliveryFact } from '../../src/lib/telemetry/telemetry.ts';
import { type HostLine, type RunningHost, startHost } from '../../tools/local/host/host.ts';

/** What a function of this app might do with its request, the usual ways of the library included. */
const handlers: Record<string, (request: HttpRequest) => Promise<unknown>> = {
  text: async (request) => ({ jsonBody: { length: (await request.text()).length } }),
  reader: async (request) => ({ jsonBody: { first: (await request.body?.getReader().read())?.done } }),
  nothing: async () => ({ jsonBody: {} }),
  json: async (request) => request.json(),
  undefined: async () => undefined,
  late: async (request) => {
    await setTimeout(50);
    return { jsonBody: { length: (await request.arrayBuffer()).byteLength } };
  },
};

const lines: HostLine[] = [];
const facts: DeliveryFact[] = [];
let host: RunningHost;
beforeAll(async () => {
  host = await startHost({ port: 0, write: (line) => lines.push(line), timers: false, shutdownMs: 1_000 }, async () => {
    const { app } = await import('@azure/functions');
    app.setup({ enableHttpStream: true });
    for (const [name, handler] of Object.entries(handlers)) {
      app.http(name, { methods: ['POST'], handler: handler as () => Promise<object> });
    }
    const handler = () => Promise.reject(new Error('a bug'));
    app.http('broken', { route: 'elevenlabs/{name}/webhook', methods: ['POST'], handler });
    const telemetry = {
      delivery: (fact: DeliveryFact) => void facts.push(fact),
      reconciled: () => {},
      initiated: () => {},
      cloned: () => {},
      dependency: () => {},
    };
    guardFunctions({ configuration: readSettings({ LOG_FORMAT: 'json' }), postCall: undefined, telemetry });
  });
});
afterAll(() => host.close());

const post = (name: string, bytes: number) =>
  fetch(`${host.url}/${name}`, {
    method: 'POST',
    body: Buffer.alloc(bytes, 'x'),
    signal: AbortSignal.timeout(20_000),
  });

describe.each([10, 300_000, 5_000_000])('with a body of %d bytes,', (bytes) => {
  it.each([
    ['text', 200],
    ['nothing', 200],
    ['late', 200],
    ['json', 500],
    ['undefined', 500],
  ])('a function that uses it as "%s" answers %d, and so does the next one', async (name, status) => {
    for (let time = 0; time < 2; time++) {
      const answer = await post(name, bytes);
      expect(answer.status).toBe(status);
      if (name === 'text' || name === 'late') expect(await answer.json()).toEqual({ length: bytes });
      else await answer.arrayBuffer();
    }
  });
});

it.each([
  ['calls', 'delivery', { status: 500, code: 'internal_error' }],
  ['precall', 'pre-call', { status: 'error', error_code: 'INTERNAL_ERROR', reason: 'internal_error' }],
])('a bug of the endpoint "%s" is logged, told and answered as its other failures are', async (name, message, body) => {
  const answer = await post(`elevenlabs/${name}/webhook`, 10);
  expect([answer.status, await answer.json()]).toEqual([500, expect.objectContaining(body)]);
  const { level, invocationId, message: line = '{}' } = lines.at(-1) ?? {};
  const fields = { outcome: 'failed', status: 500, code: 'internal_error', delivery: invocationId };
  const bug = expect.stringMatching(/^Error: a bug\n/);
  expect([level, JSON.parse(line)]).toEqual(['error', { level: 'ERROR', message, ...fields, bug }]);
  const event = message === 'pre-call' ? 'pre_call' : undefined;
  expect(facts.at(-1)).toEqual({ event, outcome: 'failed', code: 'internal_error' });
});

// Last: who keeps a reader keeps the body, too, and what comes over the same connection has to wait for it.
it('a function that keeps its reader answers 200', async () => {
  expect((await post('reader', 300_000)).status).toBe(200);
});
