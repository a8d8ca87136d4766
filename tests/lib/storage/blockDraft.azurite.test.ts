import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { StorageUnavailable } from '../../../src/lib/errors.ts';
import { BlockDraft, type DraftContext } from '../../../src/lib/storage/blockDraft.ts';
import { BLOCK_BYTES, BlockPool, PROGRESS_BYTES } from '../../../src/lib/storage/blockPool.ts';
import { cutAt, inPiecesOf, noise } from '../../lib/json/pieces.ts';
import { contentOf, genuine, newPlace, storageAt } from '../../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faultProxy.ts';
import { until } from '../../support/until.ts';

const BYTES = noise(2 * BLOCK_BYTES + 1000);
const METADATA = { delivery_id: 'delivery-1', agent_id: 'agent_1' };

let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await startFaultProxy(inject('storage'));
});
afterAll(() => proxy.close());
afterEach(() => {
  proxy.onRequest = () => undefined;
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function newDraft(options: Partial<DraftContext> & { blocks?: number } = {}) {
  const incoming = { container: `incoming-${newPlace().container}`, prefix: 'staged/' };
  const { blocks = 4, ...more } = options;
  const context: DraftContext = {
    storage: storageAt(proxy.connectionString),
    pool: new BlockPool(blocks),
    incoming,
    deadline: new AbortController().signal,
    ...more,
  };
  return { draft: new BlockDraft(context), place: newPlace(), ...context };
}

const writes = (from: number) =>
  proxy.requests.slice(from).filter((line) => line.startsWith('PUT') && !line.includes('restype'));
const visible = async (container: string) => (await contentOf(container)).length;

describe('a draft that fits into one block', () => {
  it.each([0, 1, 1000, BLOCK_BYTES - 1])('of %i bytes is put in one request under its own name', async (length) => {
    const { draft, place, pool } = newDraft();
    const before = proxy.requests.length;
    const bytes = BYTES.subarray(0, length);
    await draft.write(bytes);
    expect(draft.length).toBe(length);
    expect((await draft.publish(await genuine(), place, METADATA)).kind).toBe('stored');
    await draft.abandon();
    expect(pool.leased).toBe(0);
    expect(new Set(writes(before))).toEqual(new Set([expect.stringContaining('/folder/agent_1/conv_1.json')]));
    const [blob] = await contentOf(place.container);
    expect(blob?.bytes.equals(bytes)).toBe(true);
    expect(blob).toMatchObject({ contentType: 'application/json', metadata: { ...METADATA, sha256: sha256(bytes) } });
  });

  it('cannot be asked for its block while that is being sent', async () => {
    const { draft, place, pool } = newDraft({ blocks: 1 });
    await draft.write(BYTES.subarray(0, 1000));
    const publishing = draft.publish(await genuine(), place, METADATA);
    const waiting = pool.take({ flush() {} }, AbortSignal.timeout(60_000)); // would have it flushed
    expect(draft.block).toHaveLength(BLOCK_BYTES);
    await publishing;
    await draft.abandon();
    pool.giveBack(await waiting);
    expect((await contentOf(place.container))[0]?.metadata['sha256']).toBe(sha256(BYTES.subarray(0, 1000)));
  });
});

it.each([1000, BLOCK_BYTES + 1])('a draft of %i bytes never goes over what stands at its place', async (length) => {
  const [first, second] = [newDraft(), newDraft()];
  await first.draft.write(BYTES.subarray(1, 1 + length));
  await second.draft.write(BYTES.subarray(0, length));
  await first.draft.publish(await genuine(), first.place, METADATA);
  expect((await second.draft.publish(await genuine(), first.place, METADATA)).kind).toBe('kept-beside');
  const hashes = (await contentOf(first.place.container)).map(({ bytes }) => sha256(bytes));
  expect(hashes.sort()).toEqual([sha256(BYTES.subarray(0, length)), sha256(BYTES.subarray(1, 1 + length))].sort());
  for (const { draft } of [first, second]) await draft.abandon();
});

describe('a larger draft', () => {
  it.each([
    ['of one full block', BLOCK_BYTES, 1],
    ['of two full blocks', 2 * BLOCK_BYTES, 2],
    ['of two blocks and some bytes', BYTES.length, 3],
  ])('%s is staged in blocks, committed, copied to its place and deleted', async (_name, length, blocks) => {
    const { draft, place, pool, incoming } = newDraft();
    const bytes = BYTES.subarray(0, length);
    const before = proxy.requests.length;
    for (const piece of inPiecesOf(1_000_003, bytes)) await draft.write(piece);
    expect(draft.length).toBe(length);
    expect(await visible(incoming.container)).toBe(0);
    expect((await draft.publish(await genuine(), place, METADATA)).kind).toBe('stored');
    await draft.abandon();
    const requests = writes(before);
    const staged = requests.filter((line) => line.includes('comp=block&'));
    const names = new Set(staged.map((line) => /staged\/([0-9a-f-]{36})\?/.exec(line)?.[1]));
    const ids = staged.map((line) =>
      Buffer.from(new URL(line.slice(4), 'http://x').searchParams.get('blockid') ?? '', 'base64').toString(),
    );
    expect(new Set(ids)).toEqual(new Set(['000000', '000001', '000002'].slice(0, blocks)));
    expect(names.size).toBe(1);
    expect(names.has(undefined)).toBe(false);
    expect(requests.filter((line) => line.includes('comp=blocklist'))).toHaveLength(1);
    expect(await visible(incoming.container)).toBe(0);
    expect(pool.leased).toBe(0);
    const [blob] = await contentOf(place.container);
    expect(blob?.bytes.equals(bytes)).toBe(true);
    expect(blob).toMatchObject({ contentType: 'application/json' });
    expect(blob?.metadata).toEqual({ ...METADATA, source: 'webhook', sha256: sha256(bytes) });
  });

  it('that cannot be copied stays in incoming with its content type and all that the sweep needs', async () => {
    const { draft, place, incoming } = newDraft();
    await draft.write(BYTES);
    proxy.onRequest = (method, target) =>
      method === 'PUT' && target.includes(place.container) ? { kind: 'answer', status: 403 } : undefined;
    await expect(draft.publish(await genuine(), place, METADATA)).rejects.toBeInstanceOf(StorageUnavailable);
    const [left] = await contentOf(incoming.container);
    expect(left?.name).toMatch(/^staged\/[0-9a-f-]{36}$/);
    expect(left?.bytes.equals(BYTES)).toBe(true);
    expect(left?.contentType).toBe('application/json');
    expect(left?.metadata).toMatchObject({ ...METADATA, sha256: sha256(BYTES), target_stem: place.stem });
    await draft.abandon();
  });

  it('holds one block to fill and two on their way, and waits for those before it takes another', async () => {
    const { draft, pool } = newDraft({ storage: storageAt(proxy.connectionString, { totalMs: 25_000, tryMs: 1_000 }) });
    proxy.onRequest = (_method, target) => (target.includes('comp=block&') ? { kind: 'hang' } : undefined);
    for (let block = 0; block < 2; block++) await draft.write(BYTES.subarray(0, BLOCK_BYTES));
    expect(pool.leased).toBe(2);
    let isReady = false;
    const waiting = draft.ready().then(() => (isReady = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([isReady, pool.leased, draft.block]).toEqual([false, 2, undefined]);
    proxy.onRequest = () => undefined; // the next tries get through
    await waiting;
    expect(draft.block).toHaveLength(BLOCK_BYTES);
    expect(draft.used).toBe(0);
    await draft.abandon();
    expect(pool.leased).toBe(0);
  });

  it('keeps the block that it has when it is asked whether it is ready', async () => {
    const { draft, pool } = newDraft();
    await draft.write(BYTES.subarray(0, 10));
    const { block } = draft;
    await draft.ready();
    expect(draft.block).toBe(block);
    expect([draft.used, pool.leased]).toEqual([10, 1]);
    await draft.abandon();
  });
});

describe('the sha256 of a draft', () => {
  it('is that of the bytes so far, at any time, and asking does not disturb it', async () => {
    const { draft } = newDraft();
    let written = 0;
    for (const piece of cutAt(BYTES, 1, 5, 32_000, 33_000, 100_000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 7)) {
      await draft.write(piece);
      written += piece.length;
      expect(draft.sha256).toBe(sha256(BYTES.subarray(0, written)));
      expect(draft.length).toBe(written);
    }
    await draft.abandon();
  });

  it('is right when it is asked for once, at the end', async () => {
    const { draft } = newDraft();
    for (const piece of inPiecesOf(20_001, BYTES.subarray(0, BLOCK_BYTES + 50_000))) await draft.write(piece);
    draft.flush();
    expect(draft.sha256).toBe(sha256(BYTES.subarray(0, BLOCK_BYTES + 50_000)));
    await draft.abandon();
  });
});

describe('flushing', () => {
  it('sends a block half full, and the next bytes begin another', async () => {
    const { draft, place, pool } = newDraft();
    await draft.write(BYTES.subarray(0, 1000));
    draft.flush();
    expect([draft.block, draft.used, draft.length]).toEqual([undefined, 0, 1000]);
    draft.flush();
    await draft.write(BYTES.subarray(1000, 3000));
    await draft.publish(await genuine(), place, METADATA);
    await draft.abandon();
    expect(pool.leased).toBe(0);
    expect((await contentOf(place.container))[0]?.bytes.equals(BYTES.subarray(0, 3000))).toBe(true);
  });

  it('gives back a block that nothing is in, at once and without a request', async () => {
    const { draft, pool } = newDraft();
    await draft.ready();
    expect(pool.leased).toBe(1);
    const before = proxy.requests.length;
    draft.flush();
    expect(pool.leased).toBe(0);
    expect(proxy.requests).toHaveLength(before);
  });

  it('is asked of the draft that has been still for longest', async () => {
    const pool = new BlockPool(2);
    const [still, busy] = [newDraft({ pool }), newDraft({ pool })];
    await busy.draft.write(BYTES.subarray(0, 10));
    await still.draft.write(BYTES.subarray(0, 10));
    await busy.draft.write(BYTES.subarray(0, PROGRESS_BYTES));
    await still.draft.write(BYTES.subarray(0, 10));
    const third = newDraft({ pool });
    await third.draft.ready();
    expect([still.draft.block, busy.draft.block?.length]).toEqual([undefined, BLOCK_BYTES]);
    for (const { draft } of [still, busy, third]) await draft.abandon();
    expect(pool.leased).toBe(0);
  });
});

it('a draft that has let go of its block is not asked for it again: the next one is', async () => {
  const pool = new BlockPool(1);
  const [first, second, third] = [newDraft({ pool }), newDraft({ pool }), newDraft({ pool })];
  await first.draft.ready();
  first.draft.flush();
  await second.draft.write(BYTES.subarray(0, 10));
  await third.draft.ready();
  expect(second.draft.block).toBeUndefined();
  for (const { draft } of [first, second, third]) await draft.abandon();
  expect(pool.leased).toBe(0);
});

describe('a draft whose block cannot be staged', () => {
  const refuse = () => {
    proxy.onRequest = (_method, target) =>
      target.includes('comp=block&') ? { kind: 'answer', status: 403 } : undefined;
  };

  it('says so when it is asked for the next block, and gives all blocks back', async () => {
    const { draft, pool } = newDraft();
    refuse();
    await draft.write(BYTES.subarray(0, BLOCK_BYTES));
    await until(() => pool.leased === 0);
    await expect(draft.ready()).rejects.toBeInstanceOf(StorageUnavailable);
    await draft.abandon();
    expect(pool.leased).toBe(0);
  });

  it('cannot be published: nothing becomes visible', async () => {
    const { draft, place, incoming, pool } = newDraft();
    await draft.write(BYTES.subarray(0, BLOCK_BYTES + 1));
    refuse();
    const before = proxy.requests.length;
    await expect(draft.publish(await genuine(), place, METADATA)).rejects.toBeInstanceOf(StorageUnavailable);
    expect(writes(before).filter((line) => line.includes('comp=blocklist'))).toEqual([]);
    await draft.abandon();
    expect([await visible(incoming.container), await visible(place.container), pool.leased]).toEqual([0, 0, 0]);
  });
});

it('a draft that is abandoned lets go of everything at once, even when storage hangs', async () => {
  const { draft, pool, incoming } = newDraft();
  proxy.onRequest = (_method, target) => (target.includes('comp=block&') ? { kind: 'hang' } : undefined);
  await draft.write(BYTES.subarray(0, BLOCK_BYTES + 1));
  const before = proxy.requests.length;
  await draft.abandon();
  expect(pool.leased).toBe(0);
  expect([draft.block, draft.used]).toEqual([undefined, 0]);
  expect(proxy.requests.length - before).toBeLessThan(2); // no further try
  expect(await visible(incoming.container)).toBe(0);
});

it('a draft that waits for a block gives up with its deadline', async () => {
  const pool = new BlockPool(0);
  const { draft } = newDraft({ pool, deadline: AbortSignal.abort() });
  await expect(draft.write(BYTES)).rejects.toMatchObject({ code: 'overloaded' });
});
