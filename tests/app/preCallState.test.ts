import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { agents, type Conversation, conversations, installationId, isAlive } from '../../src/lib/preCall/records.ts';
import { StateStore } from '../../src/lib/preCall/state.ts';
import { BlobStorage } from '../../src/lib/storage/blobStorage.ts';
import { type FaultProxy, startFaultProxy } from './faultProxy.ts';

const NOW = 1_800_000_000_000;
const AGENT = { own: null, set: [], lease: null, claim: null };

let proxy: FaultProxy;
let connectionString: string;
beforeAll(async () => {
  connectionString = inject('storage');
  proxy = await startFaultProxy(connectionString);
});
afterAll(() => proxy.close());
afterEach(() => {
  proxy.onRequest = () => undefined;
});

function newStore(through = connectionString, container = `state-${randomBytes(4).toString('hex')}`): StateStore {
  const storage = new BlobStorage(
    { kind: 'connection-string', connectionString: through },
    { totalMs: 10_000, tryMs: 8_000 },
  );
  return new StateStore(storage, { container, prefix: 'folder/' });
}

/** Storage does the first request with the method, and its answer is lost. */
function loseOne(method: string): void {
  let isLost = false;
  proxy.onRequest = (each, target) => {
    if (isLost || each !== method || target.includes('restype=container')) return undefined;
    isLost = true;
    return { kind: 'lose-answer' };
  };
}

describe('a record', () => {
  it('is created once, whoever else tries at once', async () => {
    const container = `state-${randomBytes(4).toString('hex')}`;
    const created = await Promise.all(
      Array.from({ length: 10 }, (_, at) => {
        const claim = { by: `delivery-${at}`, until: NOW };
        return newStore(connectionString, container).create(agents, 'agent_1', { ...AGENT, claim });
      }),
    );
    expect(created.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(created.map(({ record }) => JSON.stringify(record.value))).size).toBe(1);
  });

  it('is changed only as it was read', async () => {
    const store = newStore();
    const { record } = await store.create(agents, 'agent_1', AGENT);
    const changed = await store.replace(agents, record, { ...AGENT, claim: { by: 'a', until: 1 } });
    expect(changed).toBeDefined();
    expect(await store.replace(agents, record, { ...AGENT, claim: { by: 'b', until: 2 } })).toBeUndefined();
    expect(await store.remove(agents, record)).toBe(false);
    expect((await store.read(agents, 'agent_1'))?.value.claim).toEqual({ by: 'a', until: 1 });
    expect(changed && (await store.remove(agents, changed))).toBe(true);
    expect(await store.read(agents, 'agent_1')).toBeUndefined();
    expect(changed && (await store.remove(agents, changed))).toBe(true);
    expect(changed && (await store.replace(agents, changed, AGENT))).toBeUndefined();
  });

  it('whose creation has lost its answer is still our own', async () => {
    const store = newStore(proxy.connectionString);
    await store.create(agents, 'agent_0', AGENT);
    loseOne('PUT');
    const { isNew, record } = await store.create(agents, 'agent_1', AGENT);
    expect(isNew).toBe(true);
    expect(await store.replace(agents, record, { ...AGENT, claim: { by: 'a', until: 1 } })).toBeDefined();
  });

  it('whose change has lost its answer is changed, by us', async () => {
    const store = newStore(proxy.connectionString);
    const { record } = await store.create(agents, 'agent_1', AGENT);
    loseOne('PUT');
    const changed = await store.replace(agents, record, { ...AGENT, claim: { by: 'a', until: 1 } });
    expect(changed?.value.claim).toEqual({ by: 'a', until: 1 });
    expect(changed && (await store.replace(agents, changed, AGENT))).toBeDefined();
  });

  it('whose removal has lost its answer is gone', async () => {
    const store = newStore(proxy.connectionString);
    const { record } = await store.create(agents, 'agent_1', AGENT);
    loseOne('DELETE');
    expect(await store.remove(agents, record)).toBe(true);
    expect(await store.read(agents, 'agent_1')).toBeUndefined();
  });

  it('is listed by its name, among its own kind', async () => {
    const store = newStore();
    expect(await store.list(agents)).toEqual([]);
    for (const name of ['agent_1', 'agent_2']) await store.create(agents, name, AGENT);
    await installationId(store);
    const names = (await store.list(agents)).map(({ name }) => name);
    expect(names.sort()).toEqual(['agent_1', 'agent_2']);
  });
});

it('an installation has one id, for all its instances and for ever', async () => {
  const container = `state-${randomBytes(4).toString('hex')}`;
  const ids = await Promise.all(
    Array.from({ length: 10 }, () => installationId(newStore(connectionString, container))),
  );
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(await installationId(newStore())).not.toBe(ids[0]);
});

describe('whoever made a claim', () => {
  const conversation = (claim: Conversation['claim']): Conversation => ({
    agent_id: 'agent_1',
    sample_sha256: '0',
    expires_at: NOW,
    claim,
    answer: null,
    ended: false,
  });
  const held = { by: 'delivery-1', conversation: 'conv_1' };

  it.each([
    [NOW + 1, true],
    [NOW, false],
    [NOW - 1, false],
  ])('until %d is at work: %s', async (until, isAtWork) => {
    expect(await isAlive(newStore(), { by: 'sweep-1', until }, () => NOW)).toBe(isAtWork);
  });

  it.each<[string, Conversation['claim'] | undefined, boolean]>([
    ['holds its conversation', { by: 'delivery-1', until: NOW + 1 }, true],
    ['has not given a sign of life in time', { by: 'delivery-1', until: NOW }, false],
    ['has lost its conversation to another delivery', { by: 'delivery-2', until: NOW + 1 }, false],
    ['has done with its conversation', null, false],
    ['has no conversation any more', undefined, false],
  ])('for a delivery that %s', async (_name, claim, isAtWork) => {
    const store = newStore();
    if (claim !== undefined) await store.create(conversations, 'conv_1', conversation(claim));
    expect(await isAlive(store, held, () => NOW)).toBe(isAtWork);
  });
});
