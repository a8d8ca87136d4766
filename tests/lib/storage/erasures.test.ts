import { RestError } from '@azure/storage-blob';
import { expect, it } from 'vitest';
import type { Attempts } from '../../../src/lib/storage/blobStorage.ts';
import { ErasedCalls, wasErased } from '../../../src/lib/storage/erasures.ts';

const DAY_MS = 86_400_000;

/** Storage that has these records, in pages, and counts its requests. */
function storageOf(names: () => readonly string[]) {
  const requests: string[] = [];
  const container = {
    listBlobsFlat: ({ prefix }: { prefix: string }) => ({
      byPage: ({ continuationToken = '0' }: { continuationToken?: string }) => ({
        next: async () => {
          requests.push('list');
          const from = Number(continuationToken);
          const all = names().filter((name) => name.startsWith(prefix));
          const items = all.slice(from, from + 5_000).map((name) => ({ name }));
          const next = from + 5_000 < all.length ? { continuationToken: String(from + 5_000) } : {};
          return { value: { segment: { blobItems: items }, ...next } };
        },
      }),
    }),
    getBlobClient: (name: string) => ({
      getProperties: async () => {
        requests.push(`ask ${name}`);
        return {};
      },
    }),
  };
  const attempt = async (_name: string, operation: (client: unknown, signal: AbortSignal) => unknown) =>
    operation(container, new AbortController().signal);
  const storage = { attempt, until: () => storage } as unknown as Attempts; // all that is asked of it
  return { storage, requests };
}

function erasedCalls(names: string[], clock = { now: 0 }) {
  const { storage, requests } = storageOf(() => names);
  const erased = new ErasedCalls({ container: 'state', prefix: 'app/' }, () => clock.now);
  const asks = (agentId: string, conversationId: string) => erased.hasOfNewAgent(storage, { agentId, conversationId });
  return { erased, asks, requests, names };
}

it('lists what was erased before something of an agent is stored, and not after it', async () => {
  const { erased, asks, requests, names } = erasedCalls(['app/erased/conv_1.json', 'other/erased/conv_2.json']);
  expect([await asks('agent_1', 'conv_1'), await asks('agent_1', 'conv_2')]).toEqual([true, false]);
  expect(requests).toHaveLength(2); // nothing was stored yet
  names.push('app/erased/conv_3.json');
  expect(await asks('agent_1', 'conv_3')).toBe(true);
  erased.noteAgent({ agentId: 'agent_1' });
  requests.length = 0;
  names.push('app/erased/conv_4.json'); // has tombstones for this agent
  expect([await asks('agent_1', 'conv_1'), await asks('agent_1', 'conv_4')]).toEqual([true, false]);
  expect(requests).toEqual([]);
  expect(await asks('agent_2', 'conv_4')).toBe(true);
});

it('lists again after a day, when nothing of the agent may be left', async () => {
  const clock = { now: 1 };
  const { erased, asks, requests, names } = erasedCalls([], clock);
  await asks('agent_1', 'conv_1');
  erased.noteAgent({ agentId: 'agent_1' });
  requests.length = 0;
  names.push('app/erased/conv_1.json');
  clock.now += DAY_MS;
  erased.noteAgent({ agentId: 'agent_1' }); // a name that is taken says nothing new within the day
  expect([await asks('agent_1', 'conv_1'), requests.length]).toEqual([false, 0]);
  clock.now += 1;
  expect([await asks('agent_1', 'conv_1'), requests.length]).toEqual([true, 1]);
});

it('asks about each one when there are more than it may hold', async () => {
  const many = Array.from({ length: 20_001 }, (_none, at) => `app/erased/conv_${at}.json`);
  const { erased, asks, requests } = erasedCalls(many);
  expect(await asks('agent_1', 'conv_9')).toBe(true);
  erased.noteAgent({ agentId: 'agent_1' });
  requests.length = 0;
  await asks('agent_1', 'conv_9');
  expect(requests).toEqual(['ask app/erased/conv_9.json']);
});

it('what storage cannot say is not taken for a call that was not erased', async () => {
  const ask = (error: Error) => {
    const storage = { attempt: () => Promise.reject(error) } as unknown as Attempts; // all that is asked of it
    return wasErased(storage, { container: 'state', prefix: '' }, 'conv_1');
  };
  expect(await ask(new RestError('gone', { statusCode: 404, code: 'BlobNotFound' }))).toBe(false);
  await expect(ask(new Error('storage is away'))).rejects.toThrow('storage is away');
  await expect(ask(new RestError('forbidden', { statusCode: 403 }))).rejects.toThrow('forbidden');
});
