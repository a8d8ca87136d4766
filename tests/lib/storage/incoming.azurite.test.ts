import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BlobStorage } from '../../../src/lib/storage/blobStorage.ts';
import { finishIncoming, incomingMetadata, sweepIncoming } from '../../../src/lib/storage/incoming.ts';
import { noise } from '../../lib/json/pieces.ts';
import { contentOf, metadataOf, newPlace, storageAt } from '../../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faultProxy.ts';

const SHA = 'a'.repeat(64);
const MINUTE_MS = 60_000;

let proxy: FaultProxy;
let storage: BlobStorage;
beforeAll(async () => {
  proxy = await startFaultProxy(inject('storage'));
  storage = storageAt(proxy.connectionString);
});
afterAll(() => proxy.close());
afterEach(() => {
  proxy.onRequest = () => undefined;
});

/** An incoming place of its own, and a place for what is in it. */
function newPlaces() {
  const { container } = newPlace();
  return { incoming: { container: `incoming-${container}`, prefix: 'staged/' }, place: newPlace() };
}

type Places = ReturnType<typeof newPlaces>;

/** Commits a blob there as a delivery does, and returns when storage says that was. */
async function leave(
  { incoming }: Places,
  name: string,
  metadata: Record<string, string>,
  contentType?: string,
  bytes: Buffer = Buffer.from('bytes'),
) {
  const container = BlobServiceClient.fromConnectionString(inject('storage')).getContainerClient(incoming.container);
  await container.createIfNotExists();
  const headers = contentType === undefined ? {} : { blobHTTPHeaders: { blobContentType: contentType } };
  const { lastModified } = await container
    .getBlockBlobClient(name)
    .upload(Buffer.from(bytes), bytes.length, { metadata, ...headers });
  return lastModified?.getTime() ?? Number.NaN;
}

const metadata = { ...metadataOf(SHA, 'delivery'), agent_id: 'agent_1' };
const complete = ({ place }: Places) => incomingMetadata(place, metadata);
const sweepAt = ({ incoming }: Places, now: number) =>
  sweepIncoming(storage, incoming, { olderThanMs: MINUTE_MS, now });

it('what is staged carries its metadata, and where it belongs', () => {
  expect(incomingMetadata({ container: 'c', stem: 's', extension: 'mp3' }, metadata)).toEqual({
    ...metadata,
    target_container: 'c',
    target_stem: 's',
    target_extension: 'mp3',
  });
});

describe('finishing', () => {
  const finish = (places: Places) =>
    finishIncoming(storage, places.incoming.container, 'staged/1', places.place, metadata);

  it('copies to the place, with the metadata given, and deletes what was staged', async () => {
    const places = newPlaces();
    await leave(places, 'staged/1', complete(places));
    const blob = `${places.place.container}/folder/agent_1/conv_1.json`;
    expect(await finish(places)).toEqual({ kind: 'stored', blob });
    expect(await contentOf(places.incoming.container)).toEqual([]);
    expect(await contentOf(places.place.container)).toMatchObject([{ bytes: Buffer.from('bytes'), metadata }]);
  });

  it('is done even when what was staged cannot be deleted: the answer does not wait for it', async () => {
    for (const fault of [{ kind: 'answer', status: 403 }, { kind: 'hang' }] as const) {
      const places = newPlaces();
      await leave(places, 'staged/1', complete(places));
      let deletes = 0;
      proxy.onRequest = (method) => (method === 'DELETE' && deletes++ >= 0 ? fault : undefined);
      expect((await finish(places)).kind).toBe('stored');
      expect(deletes).toBeGreaterThan(0);
      expect(deletes).toBeLessThan(3); // within two seconds, one a try
      expect(await contentOf(places.incoming.container)).toHaveLength(1);
    }
  });

  it('may be done by several at once', async () => {
    const places = newPlaces();
    await leave(places, 'staged/1', complete(places));
    const kept = await Promise.all([finish(places), finish(places), finish(places)]);
    expect(kept.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'stored']); // all are the same delivery
    expect(await contentOf(places.incoming.container)).toEqual([]);
    expect(await contentOf(places.place.container)).toHaveLength(1);
  });
});

describe('an account that refuses to read the source of a copy', () => {
  const isCopy = (method: string, target: string) => method === 'PUT' && /conv_1[^?]*$/.test(target);
  const refusal = (status: number) =>
    ({ kind: 'answer', status, headers: { 'x-ms-error-code': 'CannotVerifyCopySource' } }) as const;
  const refusing = (status: number) => {
    proxy.onRequest = (method, target) => (isCopy(method, target) ? refusal(status) : undefined);
  };
  const finish = (places: Places, of = metadata) =>
    finishIncoming(storage, places.incoming.container, 'staged/1', places.place, of);

  it.each([401, 403, 404, 409, 500])('with %i has it copied through the app', async (status) => {
    const places = newPlaces();
    await leave(places, 'staged/1', complete(places), 'audio/mpeg');
    refusing(status);
    const blob = `${places.place.container}/folder/agent_1/conv_1.json`;
    expect(await finish(places)).toEqual({ kind: 'stored', blob });
    const [kept] = await contentOf(places.place.container);
    expect(kept).toMatchObject({ bytes: Buffer.from('bytes'), metadata, contentType: 'audio/mpeg' });
    expect(await contentOf(places.incoming.container)).toEqual([]);
  });

  it('has megabytes copied in pieces, whole', async () => {
    const places = newPlaces();
    const bytes = noise(5_000_001);
    await leave(places, 'staged/1', complete(places), 'audio/mpeg', bytes);
    refusing(404);
    expect((await finish(places)).kind).toBe('stored');
    const [kept] = await contentOf(places.place.container);
    expect(kept?.bytes.equals(bytes)).toBe(true);
    expect(
      proxy.requests.filter((line) => line.includes(`${places.place.container}/`) && line.includes('comp=block&'))
        .length,
    ).toBeGreaterThanOrEqual(5);
  });

  it('has it copied anew when that breaks half-way', async () => {
    const places = newPlaces();
    const bytes = noise(3_000_000);
    await leave(places, 'staged/1', complete(places), 'audio/mpeg', bytes);
    let [downloads, commits] = [0, 0];
    proxy.onRequest = (method, target) => {
      if (isCopy(method, target)) return refusal(404);
      if (method === 'GET' && target.includes('staged/1') && downloads++ === 0) return { kind: 'refuse' };
      return target.includes('comp=blocklist') && commits++ === 0 ? { kind: 'lose-answer' } : undefined;
    };
    expect((await finish(places)).kind).toBe('stored');
    expect([downloads, commits].map((times) => times > 1)).toEqual([true, true]);
    expect((await contentOf(places.place.container)).map((kept) => kept.bytes.equals(bytes))).toEqual([true]);
  });

  it('never has it go over what exists', async () => {
    const places = newPlaces();
    await leave(places, 'staged/1', complete(places));
    refusing(403);
    await finish(places);
    await leave(places, 'staged/1', complete(places));
    const other = { ...metadata, sha256: 'b'.repeat(64), delivery_id: 'other' };
    expect((await finish(places, other)).kind).toBe('kept-beside');
    expect(await contentOf(places.place.container)).toHaveLength(2);
  });

  it('leaves it where it is when it can be read through the app neither', async () => {
    const places = newPlaces();
    await leave(places, 'staged/1', complete(places));
    proxy.onRequest = (method, target) => {
      if (isCopy(method, target)) return refusal(404);
      return method === 'GET' && target.includes('staged/1') ? { kind: 'answer', status: 403 } : undefined;
    };
    await expect(finish(places)).rejects.toMatchObject({ hint: expect.stringContaining('refuses access') });
    expect(await contentOf(places.incoming.container)).toHaveLength(1);
    expect(await contentOf(places.place.container)).toEqual([]);
  });

  it('has asked the source when it is gone: somebody else has finished, or it is not there', async () => {
    const places = newPlaces();
    refusing(404);
    await expect(finish(places)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await leave(places, 'staged/1', complete(places));
    expect((await finish(places)).kind).toBe('stored');
    expect((await finish(places, { ...metadata, delivery_id: 'another' })).kind).toBe('duplicate');
  });
});

describe('the sweep', () => {
  it('finishes what is as old as the limit, and leaves alone what is younger', async () => {
    const places = newPlaces();
    const committedAt = await leave(places, 'staged/1', complete(places), 'audio/mpeg');
    expect(await sweepAt(places, committedAt + MINUTE_MS - 1)).toEqual({ finished: [], failed: [] });
    expect(await contentOf(places.incoming.container)).toHaveLength(1);
    expect(await sweepAt(places, committedAt + MINUTE_MS)).toMatchObject({
      finished: [{ kind: 'stored' }],
      failed: [],
    });
    expect(await contentOf(places.incoming.container)).toEqual([]);
    const [kept] = await contentOf(places.place.container);
    expect(kept).toMatchObject({ name: 'folder/agent_1/conv_1.json', contentType: 'audio/mpeg' });
    expect(kept?.metadata).toEqual(metadata);
  });

  it('looks at its own folder only', async () => {
    const places = newPlaces();
    const committedAt = await leave(places, 'elsewhere/1', complete(places));
    expect(await sweepAt(places, committedAt + MINUTE_MS)).toEqual({ finished: [], failed: [] });
    expect(await contentOf(places.incoming.container)).toHaveLength(1);
  });

  it('finds nothing in a container that is not there', async () => {
    expect(await sweepAt(newPlaces(), Date.now())).toEqual({ finished: [], failed: [] });
  });

  it.each(['target_container', 'target_stem', 'target_extension', 'sha256', 'delivery_id'])(
    'reports what does not say its %s, and goes on with the others',
    async (member) => {
      const places = newPlaces();
      const { [member]: _, ...incomplete } = complete(places) as Record<string, string>;
      await leave(places, 'staged/1', incomplete);
      const committedAt = await leave(places, 'staged/2', complete(places));
      const { finished, failed } = await sweepAt(places, committedAt + MINUTE_MS);
      expect(failed).toEqual([{ name: 'staged/1', reason: 'its metadata does not say where it belongs' }]);
      expect(finished).toHaveLength(1);
      expect((await contentOf(places.incoming.container)).map(({ name }) => name)).toEqual(['staged/1']);
    },
  );

  it('reports what cannot be copied with the operator’s hint, and goes on with the others', async () => {
    const places = newPlaces();
    await leave(places, 'staged/1', complete({ ...places, place: { ...places.place, stem: 'refused' } }));
    const committedAt = await leave(places, 'staged/2', complete(places));
    proxy.onRequest = (method, target) =>
      method === 'PUT' && target.includes('refused') ? { kind: 'answer', status: 403 } : undefined;
    const { finished, failed } = await sweepAt(places, committedAt + MINUTE_MS);
    expect(failed).toEqual([{ name: 'staged/1', reason: expect.stringContaining('Storage refuses access') }]);
    expect(finished).toHaveLength(1);
  });

  it('reports what is impossible with its message', async () => {
    const places = newPlaces();
    const other = (last: string) => metadataOf(`${'b'.repeat(32)}${last.repeat(32)}`, last);
    await leave(places, 'staged/1', complete(places));
    await leave(places, 'staged/2', incomingMetadata(places.place, other('c')));
    const committedAt = await leave(places, 'staged/3', incomingMetadata(places.place, other('d')));
    const { finished, failed } = await sweepAt(places, committedAt + MINUTE_MS);
    expect(finished.map(({ kind }) => kind)).toEqual(['stored', 'kept-beside']);
    expect(failed).toEqual([{ name: 'staged/3', reason: expect.stringContaining('share one hash') }]);
  });
});
