import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Replayed, replayInPlace } from '../../src/lib/calls/replayInPlace.ts';
import { callStoreOn } from '../../src/lib/postCall/callStore.ts';
import { readStorageAreas } from '../../src/lib/settings/storageAreas.ts';
import { audioEvent, type Context, newCall, now, send, startContext, transcription } from '../support/context.ts';
import { storageAt } from '../support/drafts.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext({ STATE_STORAGE_PATH: `state-${randomUUID().slice(0, 8)}` });
});
afterAll(() => context.close());

/** The app as it may be later: it knows every type that can name a folder. */
async function replay(keepsUnknownTypes = true, reason?: string) {
  const areas = readStorageAreas(process.env);
  if ('setting' in areas) throw new Error(areas.setting);
  const settings = { paths: areas, storesTranscripts: true, storesAudio: true, keepsUnknownTypes };
  const store = callStoreOn(storageAt(inject('storage')), settings, areas.state);
  const all: Replayed[] = [];
  for await (const replayed of replayInPlace(store, { reason })) all.push(replayed);
  return all;
}

const inQuarantine = async (call: ReturnType<typeof newCall>) =>
  (await context.storedIn(context.containers.quarantine)).filter(
    ({ metadata }) => metadata['conversation_id'] === call.conversation_id,
  );
const post = (event: object) => send(context, JSON.stringify(event));

it('what is understood by now is stored with its own facts, says that it was replayed, and leaves quarantine', async () => {
  const call = newCall();
  await post({ ...transcription(call), type: 'a_new_type' });
  const [before] = await inQuarantine(call);
  const replayed = (await replay()).find(({ blob }) => blob === before?.path);
  expect(replayed).toMatchObject({ outcome: 'stored', reason: 'unknown_type' });
  expect(await inQuarantine(call)).toEqual([]);
  const [stored] = await context.storedIn(context.containers.other, (path) => path === replayed?.stored);
  expect(stored?.bytes).toEqual(before?.bytes);
  const { quarantine_reason: _, source, ...facts } = before?.metadata ?? {};
  expect([source, stored?.metadata]).toEqual(['webhook', { ...facts, source: 'replay' }]);
});

it('what still is not understood stays, once', async () => {
  const call = newCall();
  await post({ ...transcription(call), type: 'another_type' });
  const [before] = await inQuarantine(call);
  const replayed = (await replay(false)).find(({ blob }) => blob === before?.path);
  expect(replayed?.outcome).toBe('quarantined');
  expect(await inQuarantine(call)).toEqual([before]);
});

it('only what is there for the reason that is asked for', async () => {
  await post({ ...transcription(), type: 'a_third_type' });
  await send(context, 'not json');
  expect(new Set((await replay(false, 'not_json')).map(({ reason }) => reason))).toEqual(new Set(['not_json']));
});

it('of a call that was erased meanwhile nothing is stored, and nothing stays', async () => {
  const call = newCall();
  await post({ ...transcription(call), type: 'a_fourth_type' });
  const [before] = await inQuarantine(call);
  const areas = readStorageAreas(process.env);
  if ('setting' in areas) throw new Error(areas.setting);
  const state = context.blobs.getContainerClient(areas.state.container);
  await state.createIfNotExists();
  await state.getBlockBlobClient(`${areas.state.prefix}erased/${call.conversation_id}.json`).upload('{}', 2);
  expect((await replay()).find(({ blob }) => blob === before?.path)?.outcome).toBe('erased');
  expect(await inQuarantine(call)).toEqual([]);
  expect((await context.paths()).filter((path) => path.includes(call.conversation_id))).toEqual([]);
});

it('bytes that are not those that were received are left alone', async () => {
  const call = newCall();
  const container = context.blobs.getContainerClient(context.containers.quarantine);
  const body = JSON.stringify({ ...transcription(call), event_timestamp: now() });
  const metadata = { sha256: '0'.repeat(64), conversation_id: call.conversation_id, agent_id: call.agent_id };
  await container.getBlockBlobClient('unknown_type/2026-01-01/torn.json').upload(body, body.length, { metadata });
  const replayed = (await replay()).find(({ blob }) => blob.endsWith('torn.json'));
  expect(replayed).toMatchObject({ outcome: 'failed', hint: expect.stringContaining('sha256') });
  expect(await inQuarantine(call)).toHaveLength(1);
});

it('a body whose audio was taken out of it is named, and left alone', async () => {
  const call = newCall();
  await post(audioEvent(`${Buffer.alloc(600_000).toString('base64')}%`, call));
  const before = await inQuarantine(call);
  expect(before.length).toBeGreaterThan(1);
  const paths = before.map(({ path }) => path);
  const replayed = (await replay()).filter(({ blob }) => paths.includes(blob));
  expect(replayed.map(({ outcome }) => outcome)).toEqual(before.map(() => 'in-parts'));
  expect(await inQuarantine(call)).toEqual(before);
});
