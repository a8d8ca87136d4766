import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { BLOCK_BYTES } from '../../src/lib/storage/blockPool.ts';
import { type ReconcileApp, startReconcileApp } from '../support/reconcileContext.ts';
import { run } from '../tools/run.ts';
import { longForm } from './longForm.ts';
import { startStorageWire, startTcpFaultProxy, type TcpFaultProxy } from './tcpFaultProxy.ts';
import type { WireExchange } from './tcpLink.ts';

const KILLS = longForm('kills') ?? 2;
/** Past the lock of the run that died. */
const LATER_MS = 6 * 60_000;

let app: ReconcileApp;
let storage: Awaited<ReturnType<typeof startStorageWire>>;
let elevenLabs: TcpFaultProxy;
const figures = { kills: 0, finishedByItself: 0 };

beforeAll(async () => {
  app = await startReconcileApp();
  storage = await startStorageWire(inject('storage'));
  elevenLabs = await startTcpFaultProxy(new URL(app.api.url));
});
afterAll(async () => {
  console.log(`reconcile, killed at any point: ${JSON.stringify(figures)}`);
  await Promise.all([storage.close(), elevenLabs.close(), app.close()]);
});

const through = () => ({ storage: storage.connectionString, apiUrl: elevenLabs.url });

function onExchange(happens: (exchange: WireExchange) => ReturnType<TcpFaultProxy['onExchange']>): void {
  storage.onExchange = happens;
  elevenLabs.onExchange = happens;
}

/** A process that runs once, and dies when its request of this number has been seen by the other side, or before. */
async function runAndDieAt(number: number, phase: 'request' | 'answer'): Promise<void> {
  let count = 0;
  let kill = () => {};
  onExchange(() => {
    if (++count !== number) return undefined;
    return { fault: { kind: 'black-hole' }, phase, afterBytes: 0, onBegin: () => kill() };
  });
  const doomed = run(['tests/reliability/reconcileOnce.ts'], app.environment(through()));
  kill = () => void doomed.child.kill('SIGKILL');
  const ended = await doomed.ended;
  onExchange(() => undefined);
  expect(['SIGKILL', 0], doomed.text()).toContain(ended);
  figures[ended === 0 ? 'finishedByItself' : 'kills']++;
}

it(`a run is killed at ${KILLS} points, and the next one makes every call whole, once`, {
  timeout: 60_000 + KILLS * 15_000,
}, async () => {
  const ids = [app.call({ audio: 2 * BLOCK_BYTES + 5 }), app.call({ audio: 5_000 })];
  await app.run(app.open(through()));
  await app.expectWhole(ids);
  const exchanges = storage.exchanges.length + elevenLabs.exchanges.length;
  for (let kill = 0; kill < KILLS; kill++) {
    await app.clear();
    const number = 1 + Math.floor(((kill + 0.5) * exchanges) / KILLS);
    await runAndDieAt(number, kill % 2 === 0 ? 'request' : 'answer');
    app.clock.now = Date.now() + LATER_MS;
    expect((await app.run()).end.outcome).toBe('ok');
    await app.sweepIncoming();
    await app.expectWhole(ids);
  }
  expect(figures.kills).toBeGreaterThan(0);
});
