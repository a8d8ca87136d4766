import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type CallFilter, findCalls } from '../../../src/lib/calls/findCalls.ts';
import { findStored } from '../../../src/lib/calls/listCalls.ts';
import type { BlobStorage } from '../../../src/lib/storage/blobStorage.ts';
import { storageAt } from '../../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faultProxy.ts';
import { metadataOfCall, type StoredCalls, storedCalls, transcriptOf } from '../../support/storedCalls.ts';

let proxy: FaultProxy;
let storage: BlobStorage;
beforeAll(async () => {
  proxy = await startFaultProxy(inject('storage'));
  storage = storageAt(proxy.connectionString);
});
afterAll(() => proxy.close());

const find = (stored: StoredCalls, filter: CallFilter = {}, limit = 100) =>
  findCalls(storage, stored.areas, filter, { limit });
const idsOf = async (stored: StoredCalls, filter: CallFilter = {}) =>
  (await find(stored, filter)).calls.map(({ conversationId }) => conversationId);

/** Three calls, whose ids begin alike: conv_1-a stands before conv_1 in a listing. */
async function threeCalls(): Promise<StoredCalls> {
  const stored = storedCalls();
  await stored.put('transcripts', 'agent_1/conv_1.json', transcriptOf('conv_1', 'Straße'), metadataOfCall('conv_1'));
  await stored.put('audio', 'agent_1/conv_1.mp3', 'sound', { conversation_id: 'conv_1', source: 'webhook' });
  await stored.put('transcripts', `agent_1/conv_1.${'a'.repeat(32)}.json`, '{}', metadataOfCall('conv_1'));
  await stored.put('quarantine', 'unknown_type/2026-11-26/x.json', '{}', {
    conversation_id: 'conv_1',
    agent_id: 'agent_1',
  });
  const later = {
    call_started_at: '2026-11-26T11:00:00.000Z',
    call_successful: 'failure',
    call_external_number: '+15550100',
  };
  await stored.put(
    'transcripts',
    'agent_1/conv_1-a.json',
    transcriptOf('conv_1-a', 'gamma'),
    metadataOfCall('conv_1-a', later),
  );
  const failure = {
    source: 'webhook',
    event_type: 'call_initiation_failure',
    event_timestamp: '1764158400',
    call_failure_reason: 'busy',
  };
  await stored.put('callFailures', 'agent-2/conv_3.json', { data: { note: 'BETA' } }, failure);
  return stored;
}

describe('calls are found', () => {
  it('with all that is stored of each, newest first', async () => {
    const { calls, seen } = await find(await threeCalls());
    expect(seen).toBe(3);
    expect(
      calls.map(({ conversationId, has, missing }) => [
        conversationId,
        Object.keys(has).filter((form) => has[form as 'otel']),
        missing,
      ]),
    ).toEqual([
      ['conv_1-a', ['transcript'], ['recording']],
      ['conv_1', ['transcript', 'recording', 'quarantine'], []],
      ['conv_3', ['failure'], []],
    ]);
    expect(calls.map(({ startedAt }) => startedAt?.toISOString())).toEqual([
      '2026-11-26T11:00:00.000Z',
      '2026-11-26T10:00:00.000Z',
      '2025-11-26T12:00:00.000Z',
    ]);
    expect(calls[1]?.blobs).toHaveLength(4);
  });

  it.each<[string, CallFilter, string[]]>([
    ['of an agent', { agentId: 'agent-2' }, ['conv_3']],
    ['of a number', { number: '+31612345678' }, ['conv_1']],
    ['that failed', { isFailed: true }, ['conv_1-a', 'conv_3']],
    ['without a recording', { lacksRecording: true }, ['conv_1-a']],
    ['by a text in any case', { text: 'STRASSE' }, ['conv_1']],
    ['by a text in a failure', { text: 'beta' }, ['conv_3']],
    ['since a time', { since: Date.parse('2026-11-26T10:30:00Z') }, ['conv_1-a']],
    ['until a time', { until: Date.parse('2026-11-26T11:00:00Z') }, ['conv_1', 'conv_3']],
    [
      'stored since, whenever they began',
      { since: Date.parse('2999-01-01'), orStoredSince: 0 },
      ['conv_1-a', 'conv_1', 'conv_3'],
    ],
  ])('%s', async (_name, filter, expected) => {
    expect(await idsOf(await threeCalls(), filter)).toEqual(expected);
  });

  it('the newest of more than are asked for', async () => {
    const { calls, matching } = await find(await threeCalls(), {}, 1);
    expect([calls.map(({ conversationId }) => conversationId), matching]).toEqual([['conv_1-a'], 3]);
  });

  it('from the body of a blob that was stored before metadata said it', async () => {
    const stored = storedCalls();
    await stored.put('transcripts', 'agent_1/conv_old.json', transcriptOf('conv_old', 'x'));
    await stored.put('transcripts', 'agent_1/conv_torn.json', '{"data":');
    expect(await idsOf(stored, { number: '+31612345678' })).toEqual(['conv_old']);
    expect((await find(stored, { number: '+31612345678' })).calls[0]?.details).toMatchObject({
      call_duration_seconds: '60',
    });
  });

  it('without what was erased, and without what the app has not named', async () => {
    const stored = storedCalls();
    await stored.put('transcripts', 'agent_1/conv_gone.json', '', { erased_at: '2026-11-26T10:00:00.000Z' });
    await stored.put('transcripts', 'agent_1/notes.txt', 'x');
    await stored.put('transcripts', 'elsewhere.json', 'x');
    expect(await idsOf(stored)).toEqual([]);
  });

  it('only in quarantine', async () => {
    const stored = storedCalls();
    await stored.put('quarantine', 'no_audio/2026-11-26/x.json', '{}', {
      conversation_id: 'conv_q',
      agent_id: 'agent_1',
    });
    await stored.put('quarantine', 'not_json/2026-11-26/y.bin', 'x');
    expect((await find(stored)).calls.map(({ conversationId, startedAt }) => [conversationId, startedAt])).toEqual([
      ['conv_q', undefined],
    ]);
  });

  it('in areas that share one place', async () => {
    const stored = storedCalls();
    const areas = { ...stored.areas, audio: stored.areas.transcripts };
    await stored.put('transcripts', 'agent_1/conv_1.json', '{}', metadataOfCall('conv_1'));
    await stored.put('transcripts', 'agent_1/conv_1.mp3', 'sound');
    const { calls } = await findCalls(storage, areas, {}, { limit: 9 });
    expect(calls.map(({ has, blobs }) => [has.transcript, has.recording, blobs.length])).toEqual([[true, true, 2]]);
  });

  it('none where nothing was ever stored, and no container is made', async () => {
    const stored = storedCalls();
    expect(await find(stored)).toEqual({ calls: [], matching: 0, seen: 0 });
    const container = await storage.attempt(stored.areas.transcripts.container, async (client) => client);
    expect(await container.exists()).toBe(false);
  });
});

it('a list costs one request an area as long as a page holds it, and reads no body', async () => {
  const stored = await threeCalls();
  proxy.requests.length = 0;
  await find(stored);
  expect(proxy.requests).toHaveLength(4);
  expect(proxy.requests.every((line) => line.includes('comp=list'))).toBe(true);
});

it('one conversation is found by its id alone, by prefix', async () => {
  const stored = await threeCalls();
  proxy.requests.length = 0;
  const found = await findStored(storage, stored.areas, { conversationId: 'conv_1' });
  expect(found.map(({ agentId, blobs }) => [agentId, blobs.length])).toEqual([['agent_1', 4]]);
  expect(proxy.requests.filter((line) => !line.includes('comp=list'))).toEqual([]);
});
