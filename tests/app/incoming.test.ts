import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BlobStorage } from '../../src/lib/storage/blobStorage.ts';
import { finishIncoming, incomingMetadata, sweepIncoming } from '../../src/lib/storage/incoming.ts';
import { contentOf, metadataOf, newPlace, storageAt } from '../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';

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
async function leave({ incoming }: Places, name: string, metadata: Record<string, string>, contentType?: string) {
  const container = BlobServiceClient.fromConnectionString(inject('storage')).getContainerClient(incoming.container);
  await container.createIfNotExists();
  const headers = contentType === undefined ? {} : { blobHTTPHeaders: { blobContentType: contentType } };
  const { lastModified } = await container.getBlockBlobClient(name).upload('bytes', 5, { metadata, ...headers });
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
