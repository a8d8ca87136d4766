import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listQuarantine, type Quarantined } from '../../../src/lib/calls/listQuarantine.ts';
import { QuarantinedBody } from '../../../src/lib/calls/quarantinedBody.ts';
import { type Replayed, replayInPlace } from '../../../src/lib/calls/replayInPlace.ts';
import { callStoreOn } from '../../../src/lib/postCall/callStore.ts';
import { sha256Of } from '../../../src/lib/postCall/places.ts';
import { readStorageAreas } from '../../../src/lib/settings/storageAreas.ts';
import { audioEvent, type Context, newCall, now, send, startContext, transcription } from '../../support/context.ts';
import { storageAt } from '../../support/drafts.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext({ STATE_STORAGE_PATH: `state-${randomUUID().slice(0, 8)}` });
});
afterAll(() => context.close());

const storage = storageAt(inject('storage'));

function areas() {
  const found = readStorageAreas(process.env);
  if ('setting' in found) throw new Error(found.setting);
  return found;
}

interface Replay {
  readonly keepsUnknownTypes?: boolean;
  readonly storesTranscripts?: boolean;
  readonly reason?: string;
  readonly of?: ReturnType<typeof newCall>;
}

/** The app as it may be later: it knows every type that can name a folder. */
async function replay({ keepsUnknownTypes = true, storesTranscripts = true, reason, of }: Replay = {}) {
  const settings = { paths: areas(), storesTranscripts, storesAudio: true, keepsUnknownTypes };
  const store = callStoreOn(storage, settings, areas().state);
  const all: Replayed[] = [];
  const isChosen = ({ metadata }: Quarantined) =>
    [metadata['conversation_id'], undefined].includes(of?.conversation_id);
  for await (const replayed of replayInPlace(store, { reason, isChosen })) all.push(replayed);
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
  const replayed = (await replay({ of: call })).find(({ blob }) => blob === before?.path);
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
  const replayed = (await replay({ keepsUnknownTypes: false, of: call })).find(({ blob }) => blob === before?.path);
  expect(replayed?.outcome).toBe('quarantined');
  expect(await inQuarantine(call)).toEqual([before]);
});

it('what is not understood for another reason now is there under that one alone', async () => {
  const call = newCall();
  await post({ ...transcription(call), type: 'yet_another_type' });
  const [before] = await inQuarantine(call);
  const container = context.blobs.getContainerClient(context.containers.quarantine);
  const name = before?.path.slice(context.containers.quarantine.length + 1) ?? '';
  const former = name.replace('unknown_type/', 'former_reason/');
  const { metadata = {} } = await container.getBlobClient(name).getProperties();
  const described = { ...metadata, quarantine_reason: 'former_reason' };
  const { bytes = Buffer.alloc(0) } = before ?? {};
  await container.getBlockBlobClient(former).upload(bytes, bytes.length, { metadata: described });
  await container.deleteBlob(name);
  const [moved] = await replay({ keepsUnknownTypes: false, reason: 'former_reason', of: call });
  expect(moved).toMatchObject({ outcome: 'quarantined', reason: 'former_reason', stored: before?.path });
  const after = await inQuarantine(call);
  expect(after.map(({ path }) => path)).toEqual([before?.path]);
  expect(after[0]?.bytes).toEqual(bytes);
  expect(after[0]?.metadata).toMatchObject({ quarantine_reason: 'unknown_type', source: 'replay' });
});

it('what a setting does not want stored stays', async () => {
  const call = newCall();
  const container = context.blobs.getContainerClient(context.containers.quarantine);
  const body = JSON.stringify(transcription(call));
  const metadata = { sha256: sha256Of(body), conversation_id: call.conversation_id, agent_id: call.agent_id };
  await container.getBlockBlobClient('unknown_type/2026-01-01/off.json').upload(body, body.length, { metadata });
  const [replayed] = await replay({ of: call, storesTranscripts: false });
  expect(replayed).toEqual({ blob: expect.stringMatching(/off\.json$/), reason: 'unknown', outcome: 'off' });
  expect(await inQuarantine(call)).toHaveLength(1);
});

it('what somebody else replays at the same time is stored once', async () => {
  const call = newCall();
  await post({ ...transcription(call), type: 'a_ninth_type' });
  const both = await Promise.all([replay({ of: call }), replay({ of: call })]);
  expect(both.flat().filter(({ outcome }) => outcome !== 'stored' && outcome !== 'duplicate')).toEqual([]);
  expect(await inQuarantine(call)).toEqual([]);
  expect((await context.paths()).filter((path) => path.includes('a_ninth_type'))).toHaveLength(1);
});

it('only what is there for the reason that is asked for', async () => {
  await post({ ...transcription(), type: 'a_third_type' });
  await send(context, 'not json');
  expect(new Set((await replay({ keepsUnknownTypes: false, reason: 'not_json' })).map(({ reason }) => reason))).toEqual(
    new Set(['not_json']),
  );
});

it('of a call that was erased meanwhile nothing is stored, and nothing stays', async () => {
  const call = newCall();
  await post({ ...transcription(call), type: 'a_fourth_type' });
  const [before] = await inQuarantine(call);
  const { container, prefix } = areas().state;
  const state = context.blobs.getContainerClient(container);
  await state.createIfNotExists();
  await state.getBlockBlobClient(`${prefix}erased/${call.conversation_id}.json`).upload('{}', 2);
  expect((await replay({ of: call })).find(({ blob }) => blob === before?.path)?.outcome).toBe('erased');
  expect(await inQuarantine(call)).toEqual([]);
  expect((await context.paths()).filter((path) => path.includes(call.conversation_id))).toEqual([]);
});

it('bytes that are not those that were received are left alone', async () => {
  const call = newCall();
  const container = context.blobs.getContainerClient(context.containers.quarantine);
  const body = JSON.stringify({ ...transcription(call), event_timestamp: now() });
  const metadata = { sha256: '0'.repeat(64), conversation_id: call.conversation_id, agent_id: call.agent_id };
  await container.getBlockBlobClient('unknown_type/2026-01-01/torn.json').upload(body, body.length, { metadata });
  const replayed = (await replay({ of: call })).find(({ blob }) => blob.endsWith('torn.json'));
  expect(replayed).toMatchObject({ outcome: 'failed', hint: expect.stringContaining('sha256') });
  expect(await inQuarantine(call)).toHaveLength(1);
});

describe('a body whose audio was taken out of it', () => {
  const audio = randomBytes(600_001).toString('base64');

  /** As it is in quarantine now. */
  async function quarantined(call: ReturnType<typeof newCall>): Promise<Quarantined> {
    const { quarantine } = areas();
    for await (const one of listQuarantine(storage, quarantine)) {
      if (one.metadata['conversation_id'] === call.conversation_id) return one;
    }
    throw new Error('not in quarantine');
  }
  const assembled = async (one: Quarantined) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of new QuarantinedBody(storage, one)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  it.each([
    [
      'of an unknown type',
      (call: object) => ({ type: 'a_fifth_type', data: { ...call, full_audio: audio, more: '"' } }),
    ],
    [
      'with an odd character',
      (call: object) => ({ data: { ...call, full_audio: `${audio.slice(0, 500_002)}% "\u00e9` } }),
    ],
    ['with something behind its padding', (call: object) => ({ data: { ...call, full_audio: `${audio}=AAAA` } })],
    ['with two recordings', (call: object) => ({ data: { ...call, full_audio: audio }, full_audio: 'AAAA' })],
  ])('%s is put together as the body that it was', async (_name, event) => {
    const call = newCall();
    const sent = JSON.stringify({ type: 'post_call_audio', event_timestamp: now(), ...event(call) });
    expect((await send(context, sent)).status).toBe(400);
    const one = await quarantined(call);
    expect(one.blobs.body).toBeUndefined();
    expect((await assembled(one)).equals(Buffer.from(sent))).toBe(true);
  });

  it('is stored when it is understood by now, in the parts that its area keeps, and leaves quarantine', async () => {
    const call = newCall();
    await post({ ...audioEvent(audio, call), type: 'a_sixth_type' });
    const before = await inQuarantine(call);
    expect(before).toHaveLength(2);
    const replayed = (await replay({ of: call })).find(({ blob }) => blob === before[0]?.path);
    expect(replayed).toMatchObject({ outcome: 'stored' });
    expect(await inQuarantine(call)).toEqual([]);
    const stored = await context.storedIn(
      context.containers.other,
      (_path, { conversation_id }) => conversation_id === call.conversation_id,
    );
    expect(stored.map(({ bytes }) => bytes)).toEqual(before.map(({ bytes }) => bytes));
    expect(new Set(stored.map(({ metadata }) => metadata['source']))).toEqual(new Set(['replay']));
  });

  it('becomes the recording of its call where it is one by now', async () => {
    const call = newCall();
    await post({ ...audioEvent(audio, call), type: 'a_seventh_type' });
    const one = await quarantined(call);
    await asType(one, 'post_call_audio');
    const [replayed] = (await replay({ of: call })).filter(({ blob }) => blob.includes('as_recording'));
    const path = `${context.containers.audio}/${call.agent_id}/${call.conversation_id}.mp3`;
    expect(replayed).toMatchObject({ outcome: 'stored', stored: path });
    const [stored] = await context.storedIn(context.containers.audio, (found) => found === path);
    expect(stored?.bytes).toEqual(Buffer.from(audio, 'base64'));
    expect(stored?.metadata).toMatchObject({ source: 'replay', delivery_id: one.metadata['delivery_id'] });
  });

  it('that still is not understood stays, once', async () => {
    const call = newCall();
    await post(audioEvent(`${audio}%`, call));
    const before = await inQuarantine(call);
    expect(before).toHaveLength(3);
    const mine = (await replay({ of: call })).filter(({ blob }) => before.some(({ path }) => path === blob));
    expect(mine.map(({ outcome }) => outcome)).toEqual(['quarantined']);
    expect(await inQuarantine(call)).toEqual(before);
  });

  it.each([
    ['around.json', 'the JSON around its audio'],
    ['mp3', 'its audio'],
    ['remainder.bin', '.remainder.bin'],
  ])('is refused, and left alone, while its .%s is missing', async (extension, hint) => {
    const call = newCall();
    await post(audioEvent(`${audio}%`, call));
    const container = context.blobs.getContainerClient(context.containers.quarantine);
    const lost = (await inQuarantine(call)).find(({ path }) => path.endsWith(extension));
    await container.deleteBlob(lost?.path.slice(context.containers.quarantine.length + 1) ?? '');
    const before = await inQuarantine(call);
    const mine = (await replay({ of: call })).filter(({ blob }) => before.some(({ path }) => path === blob));
    expect(mine).toMatchObject([{ outcome: 'failed', hint: expect.stringContaining(hint) }]);
    expect(await inQuarantine(call)).toEqual(before);
  });

  it('is refused when the bytes of a part are others', async () => {
    const call = newCall();
    await post({ ...audioEvent(audio, call), type: 'an_eighth_type' });
    const { blobs } = await quarantined(call);
    const container = context.blobs.getContainerClient(context.containers.quarantine);
    const torn = container.getBlockBlobClient(blobs.audio?.name ?? '');
    const { metadata = {} } = await torn.getProperties();
    await torn.upload('other sound', 11, { metadata });
    const mine = (await replay({ of: call })).filter(({ blob }) => blob.endsWith(blobs.around?.name ?? '?'));
    expect(mine).toMatchObject([{ outcome: 'failed', hint: expect.stringContaining('sha256') }]);
    expect(await inQuarantine(call)).toHaveLength(2);
  });

  /** The same parts, as they would be if the event had been of another type. */
  async function asType({ blobs }: Quarantined, type: string): Promise<void> {
    const container = context.blobs.getContainerClient(context.containers.quarantine);
    const [around, sound] = [blobs.around?.name ?? '', blobs.audio?.name ?? ''];
    const text = (await container.getBlobClient(around).downloadToBuffer()).toString().replace('a_seventh_type', type);
    const { metadata = {} } = await container.getBlobClient(around).getProperties();
    const name = `as_recording/2026-01-01/${sha256Of(text, blobs.audio?.sha256 ?? '', '')}`;
    const described = { ...metadata, sha256: sha256Of(text) };
    await container.getBlockBlobClient(`${name}.around.json`).upload(text, text.length, { metadata: described });
    const bytes = await container.getBlobClient(sound).downloadToBuffer();
    const of = { ...metadata, sha256: blobs.audio?.sha256 ?? '' };
    await container.getBlockBlobClient(`${name}.mp3`).upload(bytes, bytes.length, { metadata: of });
  }
});
