import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { hashOfNumber } from '../../../src/lib/callers/callerKey.ts';
import { withAgents } from '../../../src/lib/calls/agentsOfErasure.ts';
import { type Erasure, STEPS } from '../../../src/lib/calls/erasureRecord.ts';
import type { ErasureRequest } from '../../../src/lib/calls/erasureRequest.ts';
import { planErasure } from '../../../src/lib/calls/planErasure.ts';
import { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import { MADE_BY } from '../../../src/lib/preCall/voice/clone.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../../tools/local/elevenlabs/server.ts';
import { storageAt } from '../../support/drafts.ts';
import { metadataOfCall, type StoredCalls, storedCalls, transcriptOf } from '../../support/storedCalls.ts';

const NOW = Date.parse('2026-11-27T12:00:00.000Z');
const BEFORE = '2026-11-01T00:00:00.000Z';
const NUMBER = '+31612345678';
const OTHER_NUMBER = '+15550100';
const KEY = '0f'.repeat(32);
const hashOf = (number: string) => hashOfNumber(Buffer.from(KEY, 'hex'), number);
const SAMPLE = 'a'.repeat(64);
const OWN_STEPS = STEPS.filter((step) => step !== 'conversation');

let api: RunningElevenLabs;
let elevenLabs: ElevenLabsClient;
beforeAll(async () => {
  api = await startElevenLabs({ port: 0 });
  elevenLabs = new ElevenLabsClient({ apiKey: 'key', baseUrl: api.url });
});
afterAll(async () => {
  await elevenLabs.close();
  await api.close();
});

function plan(
  stored: StoredCalls,
  request: ErasureRequest,
  { withConversation = false, hasKey = true }: { withConversation?: boolean; hasKey?: boolean } = {},
) {
  const call = { signal: AbortSignal.timeout(60_000), endsAtMs: performance.now() + 60_000 };
  return planErasure(
    {
      storage: storageAt(inject('storage')),
      areas: stored.areas,
      withConversation,
      now: () => NOW,
      elevenLabs: hasKey ? { client: elevenLabs, call } : undefined,
    },
    request,
  );
}

const putKey = (stored: StoredCalls) => stored.put('state', 'caller-key.json', { key: KEY });
const putTranscript = (stored: StoredCalls, conversation: string, more: Record<string, string> = {}) =>
  stored.put(
    'transcripts',
    `agent_1/${conversation}.json`,
    transcriptOf(conversation, 'words'),
    metadataOfCall(conversation, more),
  );
const ANSWER = { voice_id: 'voice_1', cloned_at: 1, voice_reused: false, agent_updated: true };
const putRecord = (stored: StoredCalls, conversation: string, more: object = {}) =>
  stored.put('preCallState', `conversations/${conversation}.json`, {
    agent_id: 'agent_1',
    sample_sha256: SAMPLE,
    expires_at: 1,
    claim: null,
    answer: ANSWER,
    ended: true,
    ...more,
  });
const putVoice = (stored: StoredCalls, value: object, sample = SAMPLE) =>
  stored.put('preCallState', `voices/${sample}.json`, value);
const putEntry = (stored: StoredCalls, number: string, more: object = {}) =>
  stored.put('callers', `${hashOf(number)}.json`, { number, name: 'Ivan', updated_at: BEFORE, ...more });

/** With a clone each, `voice_1` and `voice_2`. */
async function twoCalls(): Promise<StoredCalls> {
  const stored = storedCalls();
  await putKey(stored);
  await putTranscript(stored, 'conv_1');
  await putTranscript(stored, 'conv_2');
  await putRecord(stored, 'conv_1');
  await putRecord(stored, 'conv_2', { answer: { ...ANSWER, voice_id: 'voice_2' } });
  return stored;
}

const planned = (conversation: string, more: Partial<Erasure> = {}): Erasure => ({
  conversation_id: conversation,
  agent_ids: ['agent_1'],
  of_any_agent: false,
  requested_at: new Date(NOW).toISOString(),
  finished_at: null,
  left: OWN_STEPS,
  is_over: true,
  voice_ids: [],
  samples: [],
  callers: [],
  ...more,
});

describe('by conversation', () => {
  it('what is stored, what pre-call knows and the entry of its number go together', async () => {
    const stored = await twoCalls();
    await stored.put('audio', 'agent_1/conv_3.mp3', 'sound', { source: 'webhook' }); // has no number, and is not asked for one
    await putEntry(stored, NUMBER);
    await putEntry(stored, OTHER_NUMBER);
    const { calls, ...rest } = await plan(stored, { conversationId: 'conv_1' });
    expect(calls.map(({ conversationId }) => conversationId)).toEqual(['conv_1']);
    expect(rest).toEqual({
      erasures: [planned('conv_1', { voice_ids: ['voice_1'], samples: [SAMPLE], callers: [hashOf(NUMBER)] })],
      withoutNumber: 0,
      voiceIds: [],
      callers: [],
    });
  });

  it('with the conversation at ElevenLabs there is one step more', async () => {
    const stored = storedCalls();
    await putTranscript(stored, 'conv_1');
    const { erasures } = await plan(stored, { conversationId: 'conv_1' }, { withConversation: true });
    expect(erasures).toEqual([planned('conv_1', { left: [...STEPS] })]);
  });

  it.each([
    ['a transcript', 'transcripts', 'json', true],
    ['traces', 'transcripts', 'otel.json', true],
    ['a recording', 'audio', 'mp3', true],
    ['a failure', 'callFailures', 'json', true],
    ['what is in quarantine', 'quarantine', 'json', false],
  ] as const)('%s: whether the call is over', async (_name, area, extension, isOver) => {
    const stored = storedCalls();
    const ids = { agent_id: 'agent_1', conversation_id: 'conv_1' };
    await stored.put(area, `agent_1/conv_1.${extension}`, '{}', { ...ids, source: 'webhook' });
    expect((await plan(stored, { conversationId: 'conv_1' })).erasures).toEqual([
      planned('conv_1', { is_over: isOver }),
    ]);
  });

  it('of two agents: both are named, or the one that is asked for', async () => {
    const stored = storedCalls();
    await putTranscript(stored, 'conv_1');
    await stored.put('audio', 'agent_2/conv_1.mp3', 'sound', { source: 'webhook' });
    const both = await plan(stored, { conversationId: 'conv_1' });
    expect(both.erasures).toEqual([planned('conv_1', { agent_ids: ['agent_1', 'agent_2'] })]);
    const one = await plan(stored, { conversationId: 'conv_1', agentId: 'agent_2' });
    expect(one.erasures).toEqual([planned('conv_1', { agent_ids: ['agent_2'] })]);
    expect(one.calls.map(({ agentId }) => agentId)).toEqual(['agent_2']);
  });

  it.each([
    ['ready', { state: 'ready', voice_id: 'voice_9', cloned_at: 1 }, ['voice_9']],
    [
      'about to be deleted',
      { state: 'deleting', voice_id: 'voice_9', cloned_at: 1, claim: { by: 'x', until: 1 } },
      ['voice_9'],
    ],
    ['being made', { state: 'cloning', claim: { by: 'x', until: 1 } }, []],
    ['unknown', undefined, []],
  ])('a call that never got its answer has the clone of its sample: one that is %s', async (_name, voice, ids) => {
    const stored = storedCalls();
    await putRecord(stored, 'conv_1', { answer: null });
    if (voice !== undefined) await putVoice(stored, voice);
    expect((await plan(stored, { conversationId: 'conv_1' })).erasures).toEqual([
      planned('conv_1', { is_over: false, voice_ids: ids, samples: [SAMPLE] }),
    ]);
  });

  it('the entry that a record has the beginning of goes, too, when there is one', async () => {
    const stored = storedCalls();
    await putKey(stored);
    await putRecord(stored, 'conv_1', { caller: hashOf(NUMBER).slice(0, 32) });
    await putRecord(stored, 'conv_2', { caller: hashOf(OTHER_NUMBER).slice(0, 32) });
    await putEntry(stored, NUMBER);
    const callersOf = async (conversationId: string) =>
      (await plan(stored, { conversationId })).erasures.map(({ callers }) => callers);
    expect(await callersOf('conv_1')).toEqual([[hashOf(NUMBER)]]);
    expect(await callersOf('conv_2')).toEqual([[]]);
  });
});

describe('of a call that nobody knows', () => {
  it('the names are taken for all agents of which anything is stored', async () => {
    const stored = storedCalls();
    await putTranscript(stored, 'conv_1');
    await stored.put('audio', 'agent_2/conv_2.mp3', 'sound');
    await stored.put('callFailures', 'agent_3/conv_3.json', '{}');
    await stored.put('callFailures', 'agent_1/conv_4.json', '{}');
    await stored.put('transcripts', 'no id/conv_5.json', '{}');
    const { erasures } = await plan(stored, { conversationId: 'conv_9' });
    expect(erasures.map(({ agent_ids }) => agent_ids.toSorted())).toEqual([['agent_1', 'agent_2', 'agent_3']]);
    expect(erasures).toMatchObject([{ of_any_agent: true, is_over: false }]);
  });

  it('it is the one that is said', async () => {
    const stored = storedCalls();
    await putTranscript(stored, 'conv_1');
    const { erasures } = await plan(stored, { conversationId: 'conv_9', agentId: 'agent_9' });
    expect(erasures).toEqual([planned('conv_9', { agent_ids: ['agent_9'], is_over: false })]);
  });

  it('one has to be said when there are more than fifty', async () => {
    const stored = storedCalls();
    const put = (at: number) => stored.put('transcripts', `agent_${at}/conv_${at}.json`, '{}');
    await Promise.all(Array.from({ length: 50 }, (_, at) => put(at)));
    const { erasures } = await plan(stored, { conversationId: 'conv_x' });
    expect(erasures[0]?.agent_ids).toHaveLength(50);
    const storage = storageAt(inject('storage'));
    const ofAny = planned('conv_x', { agent_ids: ['agent_0'], of_any_agent: true });
    expect((await withAgents(storage, stored.areas, [ofAny]))[0]?.agent_ids).toHaveLength(50);

    await put(50);
    const asked = plan(stored, { conversationId: 'conv_x' });
    await expect(asked).rejects.toMatchObject({
      name: 'AgentNeeded',
      message: 'Nothing is stored of conv_x, and 51 agents send calls: whose it is has to be said.',
    });
    expect(await withAgents(storage, stored.areas, [ofAny])).toEqual([ofAny]);
  });

  it('agents that send by now are added to those whose agent nobody knew, and to no others', async () => {
    const stored = storedCalls();
    await putTranscript(stored, 'conv_1');
    const known = planned('conv_2', { agent_ids: ['agent_9'] });
    const ofAny = planned('conv_3', { agent_ids: ['agent_9', 'agent_1'], of_any_agent: true });
    const earlier = planned('conv_4', { agent_ids: [] });
    const all = await withAgents(storageAt(inject('storage')), stored.areas, [known, ofAny, earlier]);
    expect(all).toEqual([known, ofAny, { ...earlier, agent_ids: ['agent_1'] }]);
    expect(await withAgents(storageAt(inject('storage')), stored.areas, [known])).toEqual([known]);
  });
});

describe('what an erasure of the same call has left', () => {
  const before = (more: Partial<Erasure> = {}) =>
    planned('conv_1', { requested_at: BEFORE, is_over: false, agent_ids: ['agent_0'], ...more });
  const after = async (
    record: object,
    fill: (stored: StoredCalls) => Promise<unknown> = async () => {},
    options: { withConversation?: boolean } = {},
  ) => {
    const stored = storedCalls();
    await stored.put('state', 'erased/conv_1.json', record);
    await fill(stored);
    return (await plan(stored, { conversationId: 'conv_1' }, options)).erasures;
  };

  it('is finished, and nothing came since: it stays as it is', async () => {
    const finished = before({ finished_at: BEFORE, left: [] });
    expect(await after(finished)).toEqual([finished]);
  });

  it('is finished, but the conversation at ElevenLabs is to go as well', async () => {
    const finished = before({ finished_at: BEFORE, left: [] });
    expect(await after(finished, undefined, { withConversation: true })).toEqual([before({ left: [...STEPS] })]);
  });

  it.each([
    ['a blob', putTranscript, { agent_ids: ['agent_0', 'agent_1'], is_over: true }],
    [
      'a record',
      putRecord,
      { agent_ids: ['agent_0', 'agent_1'], is_over: false, voice_ids: ['voice_1'], samples: [SAMPLE] },
    ],
  ])('is finished, but %s came since: all of it is done again', async (_name, put, more) => {
    const finished = before({ finished_at: BEFORE, left: [] });
    expect(await after(finished, (stored) => put(stored, 'conv_1'))).toEqual([before(more)]);
  });

  it('is not forgotten: the conversation, clones, samples, entries, and that the call is over', async () => {
    const record = before({
      left: ['voices', 'conversation'],
      is_over: true,
      voice_ids: ['voice_1', 'voice_8'],
      samples: ['b'.repeat(64)],
      callers: ['c'.repeat(64)],
    });
    expect(await after(record, (stored) => putRecord(stored, 'conv_1'))).toEqual([
      {
        ...record,
        left: [...STEPS],
        agent_ids: ['agent_0', 'agent_1'],
        voice_ids: ['voice_1', 'voice_8'],
        samples: ['b'.repeat(64), SAMPLE],
      },
    ]);
  });

  it.each([
    [
      'it was of any agent: so it still is, with those that send by now',
      { of_any_agent: true },
      ['agent_0', 'agent_1'],
      true,
    ],
    ['nobody knew an agent at all', { agent_ids: [] }, ['agent_1'], true],
    ['its agent was known: no others are added', {}, ['agent_0'], false],
  ])('%s', async (_name, more, agentIds, isOfAny) => {
    const erasures = await after(before(more), (stored) => putTranscript(stored, 'conv_2'));
    expect(erasures).toEqual([before({ agent_ids: agentIds, of_any_agent: isOfAny })]);
  });

  it('it was of any agent, and its own is known now', async () => {
    const erasures = await after(before({ of_any_agent: true }), (stored) => putTranscript(stored, 'conv_1'));
    expect(erasures).toEqual([before({ agent_ids: ['agent_0', 'agent_1'], is_over: true })]);
  });
});

describe('by number', () => {
  it('calls that have it, calls that pre-call knows by it, and what is stored of those go; others stay', async () => {
    const stored = storedCalls();
    await putKey(stored);
    await putTranscript(stored, 'conv_1');
    await putTranscript(stored, 'conv_2', { call_external_number: OTHER_NUMBER });
    await putTranscript(stored, 'conv_4');
    await putRecord(stored, 'conv_1'); // of a call that has it, without a caller
    await putRecord(stored, 'conv_2', { caller: hashOf(OTHER_NUMBER).slice(0, 32) });
    await putRecord(stored, 'conv_3', {
      caller: hashOf(NUMBER).slice(0, 32),
      sample_sha256: 'b'.repeat(64),
      answer: { ...ANSWER, voice_id: 'voice_3' },
    });
    await stored.put('audio', 'agent_1/conv_3.mp3', 'sound', { source: 'webhook' }); // a recording has no number
    await putEntry(stored, NUMBER);
    const { erasures, calls, ...rest } = await plan(stored, { number: NUMBER });
    expect(calls.map(({ conversationId }) => conversationId).toSorted()).toEqual(['conv_1', 'conv_3', 'conv_4']);
    expect(erasures.toSorted((one, other) => (one.conversation_id < other.conversation_id ? -1 : 1))).toEqual([
      planned('conv_1', { voice_ids: ['voice_1'], samples: [SAMPLE], callers: [hashOf(NUMBER)] }),
      planned('conv_3', { voice_ids: ['voice_3'], samples: ['b'.repeat(64)], callers: [hashOf(NUMBER)] }),
      planned('conv_4', { callers: [hashOf(NUMBER)] }),
    ]);
    expect(rest).toEqual({ withoutNumber: 1, voiceIds: [], callers: [hashOf(NUMBER)] });
  });

  it('calls without a number are counted: they may be of it', async () => {
    const stored = storedCalls();
    for (const id of ['conv_1', 'conv_2', 'conv_3']) {
      const { call_external_number: _none, ...metadata } = metadataOfCall(id);
      await stored.put('transcripts', `agent_1/${id}.json`, '{}', metadata);
    }
    await putTranscript(stored, 'conv_4', { call_external_number: OTHER_NUMBER });
    expect(await plan(stored, { number: NUMBER })).toEqual({
      erasures: [],
      calls: [],
      withoutNumber: 3,
      voiceIds: [],
      callers: [],
    });
  });

  it('clones with its label go as well, if they are of this app; without a key they cannot be found', async () => {
    const stored = storedCalls();
    await putKey(stored);
    const label = hashOf(NUMBER).slice(0, 32);
    const add = (labels: Record<string, string>) => api.state.addVoice({ name: 'one', labels }).voice_id;
    const loose = add({ made_by: MADE_BY, caller: label });
    const ofCall = add({ made_by: MADE_BY, caller: label });
    add({ made_by: MADE_BY, caller: hashOf(OTHER_NUMBER).slice(0, 32) });
    add({ caller: label });
    await putRecord(stored, 'conv_1', { caller: label, answer: { ...ANSWER, voice_id: ofCall } });
    const { voiceIds, erasures } = await plan(stored, { number: NUMBER });
    expect(voiceIds).toEqual([loose]);
    expect(erasures).toMatchObject([{ voice_ids: [ofCall] }]);
    expect((await plan(stored, { number: NUMBER }, { hasKey: false })).voiceIds).toEqual([]);
  });

  it('without a key of callers nothing is hashed, and calls are found by what is stored', async () => {
    const stored = storedCalls();
    api.state.addVoice({ name: 'one', labels: { made_by: MADE_BY } });
    await putTranscript(stored, 'conv_1');
    await putRecord(stored, 'conv_2'); // of nobody who is known
    const found = await plan(stored, { number: NUMBER });
    expect(found.erasures).toEqual([planned('conv_1')]);
    expect([found.callers, found.voiceIds]).toEqual([[], []]);
  });
});

describe('by clone', () => {
  it('the calls that it was made for go, and the entries that pre-call wrote of it', async () => {
    const stored = await twoCalls();
    await putEntry(stored, OTHER_NUMBER, { voice_id: 'voice_1', source: 'pre-call' });
    await putEntry(stored, '+4930123456', { voice_id: 'voice_1', source: 'operator' });
    await putEntry(stored, '+4930123457', { voice_id: 'voice_2', source: 'pre-call' });
    const { calls, ...rest } = await plan(stored, { voiceId: 'voice_1' });
    expect(calls.map(({ conversationId }) => conversationId)).toEqual(['conv_1']);
    expect(rest).toEqual({
      erasures: [planned('conv_1', { voice_ids: ['voice_1'], samples: [SAMPLE] })],
      withoutNumber: 0,
      voiceIds: [],
      callers: [hashOf(OTHER_NUMBER)],
    });
  });

  it('of no call that is known: the clone itself', async () => {
    const stored = storedCalls();
    const nothing = { erasures: [], calls: [], withoutNumber: 0, callers: [] };
    expect(await plan(stored, { voiceId: 'voice_7' })).toEqual({ ...nothing, voiceIds: ['voice_7'] });
  });
});
