import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Context, SECRET, send, startContext, transcription } from '../support/context.ts';
import { type HttpFaultProxy, startHttpFaultProxy } from '../support/faultProxy.ts';
import { connectionStringTo, dependenciesIn, type Ingestion, startIngestion } from '../support/ingestion.ts';
import { until } from '../support/until.ts';

let ingestion: Ingestion;
let proxy: HttpFaultProxy;
let context: Context;
const said: unknown[] = [];

beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation((line: unknown) => void said.push(line));
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50'; // dependencies go out at once instead of every five seconds
  ingestion = await startIngestion();
  proxy = await startHttpFaultProxy(ingestion.url);
  context = await startContext({ APPLICATIONINSIGHTS_CONNECTION_STRING: connectionStringTo(proxy.url) });
  await send(context, JSON.stringify(transcription()));
  await until(() => proxy.requests.length > 0);
});
afterAll(() => Promise.all([proxy.close(), ingestion.close()]));

const lastLine = () => context.lines.filter(({ message }) => message.startsWith('delivery ')).at(-1)?.message;

// One after the other: the library tries a batch again a second or two later, and then meets the next fault.
it.each([
  ['is slow', undefined],
  ['takes nothing in', { kind: 'answer', status: 403 }],
  ['refuses connections', { kind: 'refuse' }],
  ['answers 500', { kind: 'answer', status: 500 }],
  ['never answers', { kind: 'hang' }],
] as const)('an endpoint that %s changes nothing about deliveries', async (_case, fault) => {
  const seen = proxy.requests.length;
  ingestion.delayMs = fault === undefined ? 1_000 : 0;
  proxy.onRequest = () => fault;
  for (let tries = 0; tries === 0 || proxy.requests.length === seen; tries++) {
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(context, JSON.stringify(transcription()))));
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
    const forged = await send(context, JSON.stringify(transcription()), { secret: `${SECRET}_of_another` });
    expect(forged.status).toBe(401);
  }
  expect(context.lines.filter(({ message }) => message.includes('internal_error'))).toEqual([]);
  expect(lastLine()).toContain('code=signature_mismatch');
});

it('the end of the worker does not wait for an endpoint that never answers', async () => {
  await context.close();
});

it('what goes wrong is told in one line', () => {
  expect(said).toEqual(['warning: telemetry cannot be delivered: 403']);
});

it('what did arrive has arrived once', () => {
  const ids = dependenciesIn(ingestion.envelopes()).map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(0);
  expect(new Set(ids).size).toBe(ids.length);
});
