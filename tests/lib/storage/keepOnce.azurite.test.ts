import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { StorageUnavailable } from '../../../src/lib/errors.ts';
import { type Attempts, type BlobStorage, isNotFound } from '../../../src/lib/storage/blobStorage.ts';
import { tombstone } from '../../../src/lib/storage/erasures.ts';
import { copyFrom, keepOnce, type Place } from '../../../src/lib/storage/keepOnce.ts';
import { contentOf, metadataOf, newPlace, storageAt } from '../../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faultProxy.ts';

const ONE = 'a'.repeat(64);
const OTHER = `${'b'.repeat(32)}${'c'.repeat(32)}`;
const BESIDE = `folder/agent_1/conv_1.${'b'.repeat(32)}.json`;

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

/** Keeps a text as the bytes with this hash, by this delivery. */
function keep(place: Place, sha256: string, delivery: string, { text = sha256, more = {}, atWrite }: Keeping = {}) {
  const metadata = { ...metadataOf(sha256, delivery), ...more };
  return keepOnce(storage, place, metadata, async (blob, abortSignal) => {
    await atWrite?.(blob.name);
    return blob.upload(text, text.length, { abortSignal, conditions: { ifNoneMatch: '*' }, metadata });
  });
}

interface Keeping {
  readonly text?: string;
  /** Metadata besides the usual. */
  readonly more?: Record<string, string>;
  /** What others do just before a blob of this name is written. */
  readonly atWrite?: (name: string) => Promise<unknown>;
}

const textsOf = async (place: Place) =>
  Object.fromEntries((await contentOf(place.container)).map(({ name, bytes }) => [name, bytes.toString()]));

/** Faults for the requests of a method, in their order; null lets one through. */
function faults(method: string, ...each: (ReturnType<FaultProxy['onRequest']> | null)[]): void {
  proxy.onRequest = (name, target) => {
    if (name !== method || target.includes('restype=container')) return undefined;
    return each.shift() ?? undefined;
  };
}

const copy = (status: string, more: Record<string, string> = {}) =>
  ({ kind: 'answer', status: 200, headers: { 'x-ms-copy-status': status, ...more } }) as const;

describe('of two writers of one name', () => {
  const OWN = 'folder/agent_1/conv_1.json';

  it.each<[string, string | undefined, string, string, string]>([
    ['the first is stored', undefined, ONE, 'stored', OWN],
    ['one with the same bytes is a duplicate', 'first', ONE, 'duplicate', OWN],
    ['one who finds its own write, whose answer was lost, has stored it', 'second', ONE, 'stored', OWN],
    ['one with other bytes is kept beside the first', 'first', OTHER, 'kept-beside', BESIDE],
  ])('%s', async (_name, before, sha256, kind, name) => {
    const place = newPlace();
    if (before !== undefined) await keep(place, ONE, before);
    expect(await keep(place, sha256, 'second')).toEqual({ kind, blob: `${place.container}/${name}` });
    expect(await textsOf(place)).toEqual({ [OWN]: ONE, [name]: sha256 });
  });

  it('one that was kept beside is a duplicate when it comes again, and our own when its answer was lost', async () => {
    const place = newPlace();
    await keep(place, ONE, 'first');
    await keep(place, OTHER, 'second');
    const blob = `${place.container}/${BESIDE}`;
    expect(await keep(place, OTHER, 'third')).toEqual({ kind: 'duplicate', blob });
    expect(await keep(place, OTHER, 'second')).toEqual({ kind: 'kept-beside', blob });
    expect(Object.keys(await textsOf(place))).toHaveLength(2);
  });

  it('one who has other bytes from the API drops them, and the same bytes are a duplicate', async () => {
    const place = newPlace();
    await keep(place, ONE, 'first');
    const blob = `${place.container}/${OWN}`;
    const ofApi = (sha256: string) => keep(place, sha256, 'second', { more: { source: 'api' } });
    expect(await ofApi(OTHER)).toEqual({ kind: 'dropped', blob });
    expect(await ofApi(ONE)).toEqual({ kind: 'duplicate', blob });
    expect(await textsOf(place)).toEqual({ [OWN]: ONE });
  });

  it('nobody keeps anything of a call that was erased: a tombstone has its name', async () => {
    const place = newPlace();
    await keep(place, ONE, 'erasing', { more: tombstone('2026-11-26T10:00:00Z') });
    for (const sha256 of [ONE, OTHER]) {
      expect(await keep(place, sha256, 'second')).toEqual({ kind: 'erased', blob: `${place.container}/${OWN}` });
    }
    expect(await textsOf(place)).toEqual({ [OWN]: ONE });
  });

  it('one that is kept beside while the call is being erased is deleted again', async () => {
    const place = newPlace();
    await keep(place, ONE, 'first');
    const blob = `${place.container}/${BESIDE}`;
    const isKept = await keep(place, OTHER, 'second', {
      atWrite: async (name) => {
        if (name !== BESIDE) return;
        await storage.attempt(place.container, (container, abortSignal) =>
          container.getBlobClient(OWN).setMetadata(tombstone('2026-11-26T10:00:00Z'), { abortSignal }),
        );
      },
    });
    expect(isKept).toEqual({ kind: 'erased', blob });
    expect(Object.keys(await textsOf(place))).toEqual([OWN]);
  });

  it('one is told when other bytes stand under both names, which cannot be', async () => {
    const place = newPlace();
    await keep(place, ONE, 'first');
    await keep(place, OTHER, 'second');
    const sameName = `${'b'.repeat(32)}${'d'.repeat(32)}`;
    await expect(keep(place, sameName, 'third')).rejects.toThrow(/share one hash .*folder\/agent_1\/conv_1/);
  });
});

describe('what exists as a copy', () => {
  it('that is under way is waited for, and then decides', async () => {
    const place = newPlace();
    await keep(place, ONE, 'first');
    const looked = proxy.requests.length;
    faults(
      'HEAD',
      copy('pending', { 'x-ms-meta-sha256': OTHER }),
      copy('pending'),
      copy('success', { 'x-ms-meta-sha256': ONE }),
    );
    expect((await keep(place, ONE, 'second')).kind).toBe('duplicate');
    expect(proxy.requests.slice(looked).filter((line) => line.startsWith('HEAD'))).toHaveLength(3);
  });

  it.each(['failed', 'aborted'])('that has %s is removed and written anew', async (status) => {
    const place = newPlace();
    await keep(place, ONE, 'first', { text: '' });
    faults('HEAD', copy(status));
    expect((await keep(place, ONE, 'second')).kind).toBe('stored');
    expect((await textsOf(place))['folder/agent_1/conv_1.json']).toBe(ONE);
  });

  it('that has failed is not removed when it is another one by then', async () => {
    const place = newPlace();
    await keep(place, ONE, 'first');
    faults('HEAD', copy('failed', { etag: '"0x1"' }));
    expect((await keep(place, ONE, 'second')).kind).toBe('duplicate');
  });
});

describe('a blob that comes and goes', () => {
  const there = { kind: 'answer', status: 409, headers: { 'x-ms-error-code': 'BlobAlreadyExists' } } as const;

  it('is tried three times, and then storage cannot be used', async () => {
    const place = newPlace();
    await keep({ ...place, stem: 'another' }, OTHER, 'first'); // makes the container
    let writes = 0;
    proxy.onRequest = (method) => (method === 'PUT' && writes++ >= 0 ? there : undefined);
    const failure: unknown = await keep(place, ONE, 'first').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageUnavailable);
    expect(failure).toMatchObject({
      hint: expect.stringContaining('appearing and disappearing'),
      cause: { statusCode: 409 },
    });
    expect(writes).toBe(3);
  });

  it('is written when it is gone for good', async () => {
    const place = newPlace();
    await keep(place, OTHER, 'first'); // makes the container
    const next = { ...place, stem: 'folder/agent_1/conv_2' };
    faults('PUT', there, there);
    expect((await keep(next, ONE, 'second')).kind).toBe('stored');
  });

  it('does not hide another failure', async () => {
    const place = newPlace();
    proxy.onRequest = () => ({ kind: 'answer', status: 403 });
    await expect(keep(place, ONE, 'first')).rejects.toMatchObject({ hint: expect.stringContaining('refuses access') });
    proxy.onRequest = () => undefined;
    await keep(place, ONE, 'first');
    proxy.onRequest = (method) => (method === 'PUT' ? { kind: 'answer', status: 403 } : undefined);
    await expect(keep(place, ONE, 'first')).rejects.toMatchObject({ hint: expect.stringContaining('refuses access') });
    proxy.onRequest = (method) => (method === 'PUT' ? there : { kind: 'answer', status: 403 });
    await expect(keep(place, ONE, 'first')).rejects.toMatchObject({ hint: expect.stringContaining('refuses access') });
  });
});

describe('a copy', () => {
  const source = async (text = 'the bytes') => {
    const place = newPlace();
    await keep(place, ONE, 'first', { text });
    const url = await storage.attempt(
      place.container,
      async (client) => client.getBlockBlobClient(`${place.stem}.json`).url,
    );
    return { place: { ...place, stem: 'target' }, url };
  };
  const copyTo = ({ place, url }: Awaited<ReturnType<typeof source>>, through: Attempts = storage) => {
    const metadata = metadataOf(ONE, 'copy');
    return keepOnce(through, place, metadata, copyFrom(url, metadata));
  };

  it('has the bytes of its source, and metadata of its own', async () => {
    const from = await source();
    expect((await copyTo(from)).kind).toBe('stored');
    const made = (await contentOf(from.place.container)).find(({ name }) => name === 'target.json');
    expect(made).toMatchObject({ bytes: Buffer.from('the bytes'), metadata: metadataOf(ONE, 'copy') });
  });

  it('never overwrites what exists', async () => {
    const from = await source();
    await keep(from.place, OTHER, 'another', { text: 'other bytes' });
    expect((await copyTo(from)).kind).toBe('kept-beside');
    expect((await textsOf(from.place))['target.json']).toBe('other bytes');
  });

  it('is done only when storage says so', async () => {
    const from = await source();
    const accepted = { 'x-ms-copy-status': 'pending', 'x-ms-copy-id': '1' };
    proxy.onRequest = (method, target) =>
      method === 'PUT' && target.includes('target')
        ? { kind: 'lose-answer', status: 202, headers: accepted }
        : undefined;
    expect((await copyTo(from)).kind).toBe('stored');
    expect((await textsOf(from.place))['target.json']).toBe('the bytes');
  });

  it.each([409, 412])('finds what exists when storage says so with %i', async (status) => {
    const from = await source();
    await keep(from.place, ONE, 'another');
    const headers = { 'x-ms-error-code': status === 409 ? 'BlobAlreadyExists' : 'TargetConditionNotMet' };
    proxy.onRequest = (method, target) =>
      method === 'PUT' && target.includes('target') ? { kind: 'answer', status, headers } : undefined;
    expect((await copyTo(from)).kind).toBe('duplicate');
  });

  it('that has failed is begun again', async () => {
    const from = await source();
    const begun = {
      kind: 'lose-answer',
      status: 202,
      headers: { 'x-ms-copy-status': 'pending', 'x-ms-copy-id': '1' },
    } as const;
    let [copies, looks] = [0, 0];
    proxy.onRequest = (method, target) => {
      if (method === 'PUT' && target.includes('target')) return copies++ === 0 ? begun : undefined;
      return method === 'HEAD' && looks++ === 0 ? copy('failed') : undefined;
    };
    expect((await copyTo(from)).kind).toBe('stored');
    expect(copies).toBe(2);
    expect((await textsOf(from.place))['target.json']).toBe('the bytes');
  });

  it('that fails again and again is storage that cannot be used now', async () => {
    const from = await source();
    const begun = { 'x-ms-copy-status': 'pending', 'x-ms-copy-id': '1' };
    const end = new AbortController();
    let copies = 0;
    proxy.onRequest = (method, target) => {
      if (method === 'HEAD') return copy('failed');
      if (method !== 'PUT' || !target.includes('target')) return undefined;
      if (++copies === 3) end.abort();
      return { kind: 'lose-answer', status: 202, headers: begun };
    };
    const bounded = storageAt(proxy.connectionString).until(end.signal);
    await expect(copyTo(from, bounded)).rejects.toMatchObject({
      code: 'storage_unavailable',
      hint: expect.stringContaining('(503, ServerBusy)'),
      cause: { message: 'The copy has failed' },
    });
    expect(copies).toBe(3);
  });

  it('whose source is gone has nothing to copy, unless somebody else has done it', async () => {
    const from = await source();
    const nowhere = { ...from, url: `${from.url}-gone` };
    const failure: unknown = await copyTo(nowhere).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageUnavailable);
    expect(isNotFound((failure as StorageUnavailable).cause)).toBe(true);
    await keep(from.place, ONE, 'another');
    expect((await copyTo(nowhere)).kind).toBe('duplicate');
  });
});
