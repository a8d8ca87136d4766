import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { replayInPlace } from '../../../src/lib/calls/replayInPlace.ts';
import { callStoreOn } from '../../../src/lib/postCall/callStore.ts';
import { sha256Of } from '../../../src/lib/postCall/places.ts';
import { BLOCK_BYTES } from '../../../src/lib/storage/blockPool.ts';
import { sweepIncoming } from '../../../src/lib/storage/incoming.ts';
import { contentOf, storageAt } from '../../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faultProxy.ts';
import { type StoredCalls, storedCalls } from '../../support/storedCalls.ts';

const AN_HOUR_MS = 3_600_000;
/** More requests than any replay of two bodies makes. */
const ENOUGH = 60;

let faults: FaultProxy;
beforeAll(async () => {
  faults = await startFaultProxy(inject('storage'));
});
beforeEach(() => {
  faults.onRequest = () => undefined;
});
afterAll(() => faults.close());

const ids = { conversation_id: 'conv_1', agent_id: 'agent_1' };
const whole = JSON.stringify({ type: 'a_new_type', data: { ...ids, n: 1 } });
const around = JSON.stringify({ type: 'post_call_audio', data: { ...ids, full_audio: '' } });
const mp3 = randomBytes(BLOCK_BYTES + 5);

/** In quarantine: a whole body, and one in parts whose audio takes more than one block. */
async function twoBodies(): Promise<StoredCalls> {
  const stored = storedCalls();
  const metadata = { ...ids, delivery_id: 'delivery-1', signature_timestamp: '5', quarantine_reason: 'unknown_type' };
  const stem = `unknown_type/2026-01-01/${sha256Of(around, sha256Of(mp3), '')}`;
  await stored.put('quarantine', `unknown_type/2026-01-01/${sha256Of(whole)}.json`, whole, metadata);
  await stored.put('quarantine', `${stem}.around.json`, around, metadata);
  await stored.put('quarantine', `${stem}.mp3`, mp3, metadata);
  return stored;
}

/** @param dead from then on nothing more reaches storage. */
async function replay(
  { areas }: StoredCalls,
  { connection = inject('storage'), dead }: { connection?: string; dead?: AbortSignal } = {},
) {
  const settings = { paths: areas, storesTranscripts: true, storesAudio: true, keepsUnknownTypes: true };
  const storage = storageAt(connection);
  const store = callStoreOn(storage, settings, areas.state);
  const until = dead === undefined ? store : { ...store, storage: storage.until(dead) as typeof storage };
  const outcomes: string[] = [];
  for await (const { outcome } of replayInPlace(until)) outcomes.push(outcome);
  return outcomes;
}

/** Everything once, where it belongs, with its bytes; nothing else. */
async function expectWhole({ areas, names }: StoredCalls): Promise<void> {
  const { container, prefix } = areas.incoming;
  await sweepIncoming(storageAt(inject('storage')), areas.incoming, { olderThanMs: 0, now: Date.now() + AN_HOUR_MS });
  expect([container, prefix, await names()]).toEqual([
    container,
    prefix,
    ['audio/agent_1/conv_1.mp3', `otherEvents/a_new_type/1970-01-01/${sha256Of(whole)}.json`],
  ]);
  const [recording] = await contentOf(areas.audio.container);
  expect(recording?.bytes.equals(mp3)).toBe(true);
}

describe('replay in place', () => {
  it.each([
    ['refuses for a while', (at: number) => (at % 3 === 0 ? ({ kind: 'answer', status: 503 } as const) : undefined)],
    ['breaks off', (at: number) => (at % 3 === 0 ? ({ kind: 'refuse' } as const) : undefined)],
    ['loses answers', (at: number) => (at % 3 === 0 ? ({ kind: 'lose-answer' } as const) : undefined)],
  ])('while storage %s does all of it, once', async (_name, fault) => {
    const stored = await twoBodies();
    let at = 0;
    faults.onRequest = () => fault(++at);
    expect((await replay(stored, { connection: faults.connectionString })).sort()).toEqual(['stored', 'stored']);
    await expectWhole(stored);
  });

  it('that is killed at any request leaves nothing half, and a second run finishes it', async () => {
    let points = 0;
    for (let point = 1; point < ENOUGH; point += 2) {
      const stored = await twoBodies();
      const dead = new AbortController();
      let at = 0;
      faults.onRequest = () => {
        if (++at < point) return undefined;
        setImmediate(() => dead.abort());
        const isDone = at === point && point % 4 === 3; // it arrives, and nobody learns of the answer
        return isDone ? ({ kind: 'lose-answer' } as const) : ({ kind: 'refuse' } as const);
      };
      await replay(stored, { connection: faults.connectionString, dead: dead.signal }).catch(() => {});
      for (const { bytes } of await contentOf(stored.areas.audio.container)) expect(bytes.equals(mp3)).toBe(true);
      expect(await replay(stored)).not.toContain('failed');
      await expectWhole(stored);
      if (at < point) break;
      points++;
    }
    expect(points).toBeGreaterThan(8);
  });
});
