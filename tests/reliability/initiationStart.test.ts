import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type Context, startContext } from '../support/context.ts';
import { ask, initiationSettings, remember } from '../support/initiation.ts';
import { until } from '../support/until.ts';
import { startStorageWire, type TcpFaultProxy } from './tcpFaultProxy.ts';

let context: Context;
let services: Services;
let storage: TcpFaultProxy;

beforeAll(async () => {
  const wire = await startStorageWire(inject('storage'));
  storage = wire;
  storage.onConnect = () => ({ kind: 'black-hole' });
  context = await startContext(
    initiationSettings({ CallStorage: wire.connectionString, INITIATION_DEADLINE_MS: '400' }),
  );
  ({ services } = await import('../../src/lib/wiring.ts'));
});
afterAll(async () => {
  await context.close();
  await storage.close();
});

it('a process that starts while storage hangs does start, and answers its first question with the default', async () => {
  const asked = storage.exchanges.filter(({ answerBytes }) => answerBytes === 0).map(({ line }) => line);
  expect(asked).toContainEqual(expect.stringContaining('caller-key.json')); // before anybody has asked
  const { status, json } = await ask(context);
  expect(status).toBe(200);
  expect(json['dynamic_variables']).toMatchObject({ caller_known: 'unknown' });
});

it('as soon as storage answers, callers are known, without a restart', async () => {
  storage.onConnect = () => undefined;
  await remember(services, { number: '+31612345678', name: 'Jan' });
  await until(async () => (await ask(context)).text.includes('"caller_name":"Jan"'));
});
