import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  agents,
  type Conversation,
  conversations,
  installationId,
  isAlive,
  voices,
} from '../../../src/lib/preCall/state/records.ts';
import { BlobStorage } from '../../../src/lib/storage/blobStorage.ts';
import { upkeep } from '../../../src/lib/storage/proof.ts';
import { type RecordKind, StateStore } from '../../../src/lib/storage/stateStore.ts';
import { contentOf } from '../../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faultProxy.ts';

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
  return new StateStore(upkeep(), storage, { container, prefix: 'folder/' });
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

describe('a record that storage answers for in its own way', () => {
  const missing = { kind: 'answer', status: 404, headers: { 'x-ms-error-code': 'BlobNotFound' } } as const;
  const refused = { kind: 'answer', status: 403 } as const;
  const there = { kind: 'answer', status: 409, headers: { 'x-ms-error-code': 'BlobAlreadyExists' } } as const;
  const answer = (fault: ReturnType<FaultProxy['onRequest']>, ...methods: string[]) => {
    proxy.onRequest = (method, target) =>
      methods.includes(method) && !target.includes('restype=container') ? fault : undefined;
  };

  it('is gone when it cannot be found for removal or change', async () => {
    const store = newStore(proxy.connectionString);
    const { record } = await store.create(agents, 'agent_1', AGENT);
    answer(missing, 'DELETE', 'PUT');
    expect(await store.remove(agents, record)).toBe(true);
    expect(await store.replace(agents, record, AGENT)).toBeUndefined();
  });

  it.each([
    ['read', 'GET'],
    ['created', 'PUT'],
    ['replaced', 'PUT'],
    ['removed', 'DELETE'],
  ])('cannot be %s when storage refuses it, and that is not an answer', async (action, method) => {
    const store = newStore(proxy.connectionString);
    const { record } = await store.create(agents, 'agent_1', AGENT);
    answer(refused, method);
    const acts: Record<string, () => Promise<unknown>> = {
      read: () => store.read(agents, 'agent_1'),
      created: () => store.create(agents, 'agent_2', AGENT),
      replaced: () => store.replace(agents, record, AGENT),
      removed: () => store.remove(agents, record),
    };
    await expect(acts[action]?.()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  it('is created when the one that stood in its way is gone at the second look', async () => {
    const store = newStore(proxy.connectionString);
    await store.create(agents, 'agent_0', AGENT);
    let puts = 0;
    proxy.onRequest = (method) => (method === 'PUT' && puts++ === 0 ? there : undefined);
    const { isNew, record } = await store.create(agents, 'agent_1', AGENT);
    expect([isNew, puts]).toEqual([true, 2]);
    expect(await store.replace(agents, record, AGENT)).toBeDefined();
  });
});

it('a record can be changed as it was read', async () => {
  const store = newStore();
  await store.create(agents, 'agent_1', AGENT);
  const read = await store.read(agents, 'agent_1');
  expect(read && (await store.replace(agents, read, { ...AGENT, claim: { by: 'a', until: 1 } }))).toBeDefined();
  expect(read && (await store.replace(agents, read, AGENT))).toBeUndefined();
});

const LOCK = { by: 'delivery-1', conversation: 'conv_1' };

/** Values with every member, as each kind of record may hold them. */
const values: [string, RecordKind<unknown>, object][] = [
  [
    'conversations',
    conversations,
    {
      agent_id: 'agent_1',
      sample_sha256: 'abc',
      expires_at: 1,
      claim: { by: 'delivery-1', until: 2 },
      answer: { voice_id: 'voice_1', cloned_at: 3, voice_reused: true, agent_updated: false },
      ended: true,
    },
  ],
  ['voices', voices, { state: 'ready', voice_id: 'voice_1', cloned_at: 3 }],
  ['voices', voices, { state: 'cloning', claim: LOCK }],
  ['voices', voices, { state: 'deleting', claim: { by: 'sweep-1', until: 5 }, voice_id: 'voice_1', cloned_at: 3 }],
  [
    'agents',
    agents,
    {
      own: { voice_id: 'voice_1', first_message: null },
      set: [{ voice_id: 'voice_2', first_message_sha256: 'abc' }],
      lease: { conversation: 'conv_1', expires_at: 1 },
      claim: LOCK,
    },
  ],
];

describe('a record is read as it was written, as JSON in the folder of its kind:', () => {
  it.each(values)('%s, %#', async (folder, kind, value) => {
    const container = `state-${randomBytes(4).toString('hex')}`;
    const store = newStore(connectionString, container);
    await store.create(kind, 'name.json.1', value);
    expect((await store.read(kind, 'name.json.1'))?.value).toEqual(value);
    expect((await store.list(kind)).map(({ name }) => name)).toEqual(['name.json.1']);
    expect(await contentOf(container)).toMatchObject([
      { name: `folder/${folder}/name.json.1.json`, contentType: 'application/json' },
    ]);
  });

  it('and is refused with any of its members missing', async () => {
    for (const [, kind, value] of values) {
      for (const member of Object.keys(value)) {
        const store = newStore();
        const { [member]: _, ...less } = value as Record<string, unknown>;
        await store.create(kind, 'name', less);
        await expect(store.read(kind, 'name'), member).rejects.toThrow(member === 'state' ? /state|Invalid/ : member);
      }
    }
  });
});

it('an installation has one id, for all its instances and forever', async () => {
  const container = `state-${randomBytes(4).toString('hex')}`;
  const ids = await Promise.all(
    Array.from({ length: 10 }, () => installationId(newStore(connectionString, container))),
  );
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(await installationId(newStore())).not.toBe(ids[0]);
  expect((await contentOf(container)).map(({ name }) => name)).toEqual(['folder/installation/id.json']);
});

describe('whoever holds a lock', () => {
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
    ['has not given a heartbeat in time', { by: 'delivery-1', until: NOW }, false],
    ['has lost its conversation to another delivery', { by: 'delivery-2', until: NOW + 1 }, false],
    ['has done with its conversation', null, false],
    ['has no conversation any more', undefined, false],
  ])('for a delivery that %s', async (_name, claim, isAtWork) => {
    const store = newStore();
    if (claim !== undefined) await store.create(conversations, 'conv_1', conversation(claim));
    expect(await isAlive(store, held, () => NOW)).toBe(isAtWork);
  });
});
