import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BLOCK_BYTES } from '../../src/lib/storage/blockPool.ts';
import { type ReconcileApp, startReconcileApp } from '../support/reconcileContext.ts';
import { longForm } from './longForm.ts';
import { startStorageWire, startTcpFaultProxy } from './tcpFaultProxy.ts';
import type { WireExchange } from './tcpLink.ts';
import { casesOf, describeCase, FAULTS, isHarmless, spoil, type WireCase } from './wireCases.ts';

const WIRES = ['storage', 'ElevenLabs'] as const;
/** Past the lock of a run that could not give it back. */
const LATER_MS = 6 * 60_000;
/** Of the cases of one fault and wire; in the long form all. */
const TAKEN = longForm('wire') ? Number.POSITIVE_INFINITY : 1;
const SOON = {
  storageBudget: { totalMs: 3_000, tryMs: 1_500 },
  limits: { connectMs: 500, headersMs: 700, bodyMs: 700 },
};
/** The app's own, with patience for a machine that does much else. */
const AMPLE = { storageBudget: { totalMs: 90_000, tryMs: 60_000 } };

const watched: Partial<Record<(typeof WIRES)[number], WireExchange[]>> = {};
const figures = { cases: 0, notReached: 0, ok: 0, failed: 0 };

async function open() {
  const app = await startReconcileApp();
  const storage = await startStorageWire(inject('storage'));
  const elevenLabs = await startTcpFaultProxy(new URL(app.api.url));
  const wires = { storage, ElevenLabs: elevenLabs };
  const through = { storage: storage.connectionString, apiUrl: elevenLabs.url };
  const ids = [app.call({ audio: BLOCK_BYTES + 5 }), app.call({ audio: 5_000 })];
  return { app, wires, through, ids, close: () => Promise.all([storage.close(), elevenLabs.close(), app.close()]) };
}

beforeAll(async () => {
  const { app, wires, through, ids, close } = await open();
  expect((await app.run(app.open({ ...through, ...AMPLE }))).end.outcome).toBe('ok');
  await app.expectWhole(ids);
  for (const wire of WIRES) watched[wire] = wires[wire].exchanges;
  await close();
});
afterAll(() => console.log(`reconcile, faults on the wire: ${JSON.stringify(figures)}`));

describe.concurrent.each(WIRES)('between reconcile and %s', (wire) => {
  it.concurrent.each(Object.entries(FAULTS))(
    'a run survives %s, and the next one makes every call whole, once',
    { timeout: longForm('wire') ? 1_800_000 : 120_000 },
    async (name, fault) => {
      const cases = casesOf(wire, fault, watched[wire] ?? []);
      const start = Math.floor(((Object.keys(FAULTS).indexOf(name) + 0.5) * cases.length) / Object.keys(FAULTS).length);
      for (let taken = 0; taken < Math.min(TAKEN, cases.length); taken++) {
        const each = cases[(start + taken) % cases.length];
        if (each !== undefined) await survive(each);
      }
    },
  );
});

async function survive(wireCase: WireCase): Promise<void> {
  const where = describeCase(wireCase);
  const { app, wires, through, ids, close } = await open();
  let hasBegun = false;
  spoil(wires[wireCase.wire as 'storage' | 'ElevenLabs'], wireCase, () => {
    hasBegun = true;
  });
  const { end } = await app.run(app.open({ ...through, ...(isHarmless(wireCase.fault) ? AMPLE : SOON) }));
  figures.cases++;
  if (!hasBegun) figures.notReached++;
  figures[end.outcome === 'ok' ? 'ok' : 'failed']++;
  if (isHarmless(wireCase.fault)) expect(end.outcome, where).toBe('ok');
  await expectNothingHalf(app, ids, where);
  app.clock.now += LATER_MS;
  expect((await app.run()).end.outcome, where).toBe('ok');
  await app.sweepIncoming();
  await app.expectWhole(ids);
  await close();
}

/** What is visible outside of `incoming` is as long as it has to be. */
async function expectNothingHalf(app: ReconcileApp, ids: readonly string[], where: string): Promise<void> {
  for (const [name, { bytes }] of await app.stored()) {
    const id = ids.find((one) => name.includes(one));
    if (id === undefined || !name.startsWith('audio/')) continue;
    expect(bytes.length, `${where}: ${name}`).toBe(Number(app.api.state.conversations.get(id)?.audio));
  }
}
