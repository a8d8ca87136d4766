import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { placeOfCall } from '../../src/lib/postCall/places.ts';
import { putOnce } from '../../src/lib/storage/blockDraft.ts';
import { sweepIncoming } from '../../src/lib/storage/incoming.ts';
import { copyFrom, keepOnce } from '../../src/lib/storage/keepOnce.ts';
import { StoredBody } from '../../src/lib/storage/proof.ts';
import { audioEvent, type Context, newCall, now, send, startContext, transcription } from '../support/context.ts';
import { contentOf, genuine, metadataOf, newPlace, storageAt } from '../support/drafts.ts';

const ERASED = { erased_at: '2026-11-01T00:00:00Z' };
const state = `state-${randomUUID().slice(0, 8)}`;

let context: Context;
beforeAll(async () => {
  context = await startContext({ STATE_STORAGE_PATH: `${state}/app`, UNKNOWN_EVENT_TYPES: 'keep' });
});
afterAll(() => context.close());

async function put(container: string, name: string, metadata: Record<string, string> = {}): Promise<void> {
  const client = context.blobs.getContainerClient(container);
  await client.createIfNotExists();
  await client.getBlockBlobClient(name).upload('', 0, { metadata });
}

const lastLine = () => context.lines.findLast(({ message }) => message.startsWith('delivery '))?.message;

describe('of a call that was erased', () => {
  it.each([
    ['a transcript', 'transcripts', 'json', (call: ReturnType<typeof newCall>) => transcription(call)],
    ['a small recording', 'audio', 'mp3', (call: ReturnType<typeof newCall>) => audioEvent(Buffer.alloc(900), call)],
    ['a large recording', 'audio', 'mp3', (call: ReturnType<typeof newCall>) => audioEvent(Buffer.alloc(9e6), call)],
    [
      'a call failure',
      'failures',
      'json',
      (call: ReturnType<typeof newCall>) => ({
        type: 'call_initiation_failure',
        event_timestamp: now(),
        data: { ...call, failure_reason: 'busy' },
      }),
    ],
  ] as const)('%s meets the tombstone: 200, and nothing is kept', async (_name, area, extension, event) => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.${extension}`;
    await put(context.containers[area], name, ERASED);
    const { status, json } = await send(context, JSON.stringify(event(call)), { chunkBytes: 500_000 });
    expect([status, json]).toEqual([200, { status: 'received' }]);
    expect(lastLine()).toContain('outcome=erased');
    const left = await context.stored((path, { conversation_id }) =>
      [path, conversation_id].some((text) => text?.includes(call.conversation_id)),
    );
    expect(left.map(({ path, bytes }) => [path, bytes.length])).toEqual([[`${context.containers[area]}/${name}`, 0]]);
  });

  const unusable = (call: ReturnType<typeof newCall>) => [
    { type: 'post_call_audio', event_timestamp: now(), data: { ...call, full_audio: '%%%' } },
    { ...transcription(call), type: 'no folder has this name', data: { ...call } },
    { type: 'answering_machine_detection', event_timestamp: now(), data: { ...call, result: 'machine' } },
  ];

  it('nothing is kept of what has no name of its call either: the record says so', async () => {
    const call = newCall();
    await put(state, `app/erased/${call.conversation_id}.json`);
    for (const event of unusable(call)) {
      expect((await send(context, JSON.stringify(event))).status).toBe(200);
      expect(lastLine()).toContain('outcome=erased');
    }
    expect(await context.stored((_path, { conversation_id }) => conversation_id === call.conversation_id)).toEqual([]);
  });

  it('and only of that one: the same of another call is kept', async () => {
    const call = newCall();
    await put(state, `app/erased/${call.conversation_id}x.json`);
    for (const event of unusable(call)) await send(context, JSON.stringify(event));
    expect(await context.stored((_path, { conversation_id }) => conversation_id === call.conversation_id)).toHaveLength(
      3,
    );
  });
});

describe('a name that says that its call was erased', () => {
  const storage = () => storageAt(inject('storage'));

  it('ends what sweep finds in incoming', async () => {
    const place = newPlace();
    const incoming = `incoming-${place.container}`;
    await put(place.container, `${place.stem}.json`, ERASED);
    await put(incoming, 'left', {
      ...metadataOf('a'.repeat(64), 'delivery'),
      target_container: place.container,
      target_stem: place.stem,
      target_extension: 'json',
    });
    const options = { olderThanMs: 0, now: Date.now() + 60_000 };
    const { finished, failed } = await sweepIncoming(storage(), { container: incoming, prefix: '' }, options);
    expect([finished.map(({ kind }) => kind), failed]).toEqual([['erased'], []]);
    expect(await contentOf(incoming)).toEqual([]);
    expect(await contentOf(place.container)).toHaveLength(1);
  });

  it('takes back what went beside the call while it was being erased', async () => {
    const place = newPlace();
    await putOnce(await genuine(), storage(), place, metadataOf('a'.repeat(64), 'first'), Buffer.from('one'));
    const metadata = metadataOf('b'.repeat(64), 'second');
    const kept = await keepOnce(storage(), place, metadata, async (blob, abortSignal) => {
      const options = { abortSignal, conditions: { ifNoneMatch: '*' }, metadata };
      const isBeside = blob.name !== `${place.stem}.json`;
      const uploaded = await blob.upload('two', 3, options);
      if (isBeside) await put(place.container, `${place.stem}.json`, ERASED); // the eraser comes just then
      return uploaded;
    });
    expect(kept.kind).toBe('erased');
    expect((await contentOf(place.container)).map(({ name }) => name)).toEqual([`${place.stem}.json`]);
  });
});

describe('bytes of the API', () => {
  const fromApi = { source: 'api' } as unknown as Parameters<typeof putOnce>[0];

  it('are dropped where the call is here in another form, and go under its name where it is not', async () => {
    const place = newPlace();
    const put = (sha: string, id: string) =>
      putOnce(fromApi, storageAt(inject('storage')), place, metadataOf(sha.repeat(64), id), Buffer.from(sha));
    expect((await put('a', 'run-1')).kind).toBe('stored');
    expect((await put('b', 'run-2')).kind).toBe('dropped');
    expect((await put('a', 'run-3')).kind).toBe('duplicate');
    const [kept, ...others] = await contentOf(place.container);
    expect([kept?.bytes.toString(), kept?.metadata['source'], others]).toEqual(['a', 'api', []]);
  });

  it('are dropped by sweep as well, which knows them by their metadata', async () => {
    const place = newPlace();
    const storage = storageAt(inject('storage'));
    await putOnce(await genuine(), storage, place, metadataOf('a'.repeat(64), 'webhook'), Buffer.from('a'));
    const incoming = `incoming-${place.container}`;
    const metadata = { ...metadataOf('b'.repeat(64), 'run'), source: 'api' };
    await put(incoming, 'left');
    const source = context.blobs.getContainerClient(incoming).getBlockBlobClient('left').url;
    expect((await keepOnce(storage, place, metadata, copyFrom(source, metadata))).kind).toBe('dropped');
    expect(await contentOf(place.container)).toHaveLength(1);
  });

  it('meet a webhook that comes later, which is kept beside them once', async () => {
    const call = newCall();
    const body = JSON.stringify(transcription(call));
    const metadata = metadataOf('c'.repeat(64), 'run');
    const path = { container: context.containers.transcripts, prefix: '' };
    const facts = { type: '', isInferred: false, agentId: call.agent_id, conversationId: call.conversation_id };
    const place = placeOfCall(path, facts, 'json');
    await putOnce(fromApi, storageAt(inject('storage')), place, metadata, Buffer.from('c'));
    for (const outcome of ['kept-beside', 'duplicate']) {
      await send(context, body);
      expect(lastLine()).toContain(`outcome=${outcome}`);
    }
    const stored = await context.stored((path) => path.includes(call.conversation_id));
    expect(stored.map(({ metadata }) => metadata['source']).sort()).toEqual(['api', 'webhook']);
  });
});

describe('a blob that is read back', () => {
  const store = async (text: string, sha256: string) => {
    const place = newPlace();
    const client = context.blobs.getContainerClient(place.container);
    await client.createIfNotExists();
    await client.getBlockBlobClient('kept').upload(text, text.length, { metadata: { sha256, agent_id: 'agent_1' } });
    return StoredBody.open(storageAt(inject('storage')), place.container, 'kept');
  };
  const read = async (body: StoredBody) => {
    const pieces: Uint8Array[] = [];
    for await (const bytes of body) pieces.push(bytes);
    return Buffer.concat(pieces).toString();
  };

  it('proves itself at its end by the sha256 in its metadata', async () => {
    const body = await store('abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(() => body.proof()).toThrow('not been read');
    expect(await read(body)).toBe('abc');
    expect(body.proof()).toEqual({ source: 'replay', signedAtSeconds: 0, secretPosition: 0 });
    expect(body.metadata['agent_id']).toBe('agent_1');
  });

  it('does not when it is another one', async () => {
    const body = await store('abd', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    await expect(read(body)).rejects.toThrow('sha256');
    expect(() => body.proof()).toThrow('not been read');
  });
});
