import { beforeEach, describe, expect, it } from 'vitest';
import { lookAhead } from '../../../src/lib/preCall/lookAhead.ts';
import { prepareCall } from '../../../src/lib/preCall/prepare.ts';
import type { PreCallRequest } from '../../../src/lib/preCall/request/request.ts';
import { addVoiceError, elevenLabsError, OWN } from './fakeElevenLabs.ts';
import { type MemoryContext, memoryContext, REQUEST, SAMPLE, SAMPLE_BYTES, SAMPLE_HASH } from './memoryContext.ts';
import { failureOf, settle, stopTime, timeFor } from './stoppedTime.ts';

beforeEach(stopTime);

const RETURNING = { ...REQUEST, conversationId: 'conv_2' };
const KEPT_SAMPLE = `samples/agent_1/conv_1.${SAMPLE_HASH.slice(0, 32)}.wav`;

let here: MemoryContext;
beforeEach(() => {
  here = memoryContext();
});

const preparing = (request: PreCallRequest = REQUEST, work = here.work) =>
  prepareCall(here.context, work, { request, sample: SAMPLE, ...lookAhead(here.context, request) });
const prepared = (request?: PreCallRequest) => timeFor(preparing(request));

const NAME = expect.stringMatching(/^Ivan_Clone_\d{8}_\d{6}$/);

const agentNow = () => here.elevenLabs.agents.get('agent_1');

const answers = (is: { reused: boolean; updated: boolean }) => ({
  voice_id: 'voice_1',
  cloned_at: Date.now(),
  voice_reused: is.reused,
  agent_updated: is.updated,
});

describe('a new caller', () => {
  it('gets a clone, and the agent speaks with it and greets by name', async () => {
    const facts = { isReused: false, isAgentUpdated: true, isRepeated: false };
    expect(await prepared()).toEqual({ voiceId: 'voice_1', voiceName: NAME, ...facts });
    expect(agentNow()).toEqual({ agentId: 'agent_1', voiceId: 'voice_1', firstMessage: 'Hello Ivan!' });
    expect(here.asked().filter((request) => request === 'getAgent agent_1')).toHaveLength(1);
    expect(here.elevenLabs.added).toEqual([expect.objectContaining({ sample: SAMPLE_BYTES })]);
    expect(here.elevenLabs.added[0]?.labels).toMatchObject({
      conversation: 'conv_1',
      sample: SAMPLE_HASH.slice(0, 32),
    });
  });

  it('leaves records of the answer, the voice and the lease, and no lock', async () => {
    await prepared();
    const { leaseMs } = here.context.settings;
    expect(await here.records.conversation()).toMatchObject({
      claim: null,
      answer: answers({ reused: false, updated: true }),
    });
    expect(await here.records.voice()).toEqual({ state: 'ready', voice_id: 'voice_1', cloned_at: Date.now() });
    expect(await here.records.agent()).toMatchObject({
      own: { voice_id: 'voice_own', first_message: 'Good morning' },
      set: [{ voice_id: 'voice_1' }],
      lease: { conversation: 'conv_1', expires_at: Date.now() + leaseMs },
      claim: null,
    });
    expect(here.elevenLabs.added[0]?.labels['expires_at']).toBe(String((Date.now() + leaseMs) / 1000));
    expect(here.log).toEqual([]);
  });

  it('has clone and agent locked for the conversation meanwhile, so that others see whether it is alive', async () => {
    const locked: unknown[] = [];
    here.elevenLabs.before = async (request) => {
      if (request === 'addVoice') locked.push(await here.records.voice());
      if (request === 'patchAgent agent_1') locked.push(await here.records.agent());
    };
    await prepared();
    const claim = { by: 'us', conversation: 'conv_1' };
    expect(locked).toMatchObject([{ claim }, { claim }]);
  });

  it('keeps a delivery of the same conversation waiting for the same answer', async () => {
    here.elevenLabs.before = (request) =>
      request === 'addVoice' ? new Promise((resolve) => setTimeout(resolve, 20_000)) : undefined;
    const [first, second] = await timeFor(Promise.all([preparing(), preparing(REQUEST, here.workBy('again'))]));
    expect(first.isRepeated).toBe(false);
    expect(second).toEqual({ ...first, isRepeated: true });
    expect(here.elevenLabs.added).toHaveLength(1);
  });
});

describe("the label of the caller's number", () => {
  const CALLING = { ...REQUEST, caller: { ...REQUEST.caller, phoneNumber: '+31612345678' } };
  const labelled = (callerLabel: NonNullable<typeof here.context.callerLabel>) =>
    prepareCall({ ...here.context, callerLabel }, here.work, {
      request: CALLING,
      sample: SAMPLE,
      ...lookAhead(here.context, CALLING),
    });

  it('is in the record and at the clone, by which both are found and erased', async () => {
    await timeFor(labelled(async (number) => `label of ${number}`));
    expect(await here.records.conversation()).toHaveProperty('caller', 'label of +31612345678');
    expect(here.elevenLabs.added[0]?.labels).toHaveProperty('caller', 'label of +31612345678');
  });

  it('is nowhere when there is none', async () => {
    await timeFor(labelled(async () => undefined));
    expect(await here.records.conversation()).not.toHaveProperty('caller');
    expect(here.elevenLabs.added[0]?.labels).not.toHaveProperty('caller');
    expect(here.log).toEqual([]);
  });

  it('turns nobody away when it cannot be had, and the log says so', async () => {
    expect(await timeFor(labelled(() => Promise.reject(new Error('storage is away'))))).toMatchObject({
      voiceId: 'voice_1',
    });
    expect(here.log).toEqual([
      {
        level: 'WARNING',
        message: 'caller',
        outcome: 'not labelled',
        agent: 'agent_1',
        conversation: 'conv_1',
        hint: 'storage is away',
      },
    ]);
  });

  it('is waited for until the deadline, and no longer', async () => {
    setTimeout(here.work.end, 1_000);
    await failureOf(labelled(() => new Promise(() => {})));
    expect(here.log[0]).toMatchObject({ outcome: 'not labelled', hint: 'The deadline came first' });
    expect(here.elevenLabs.added).toEqual([]);
  });
});

describe('a conversation that has its answer', () => {
  it.each<[string, boolean, boolean]>([
    ['with a new voice', false, true],
    ['with a known voice and the agent as it was', true, false],
  ])('gets it again, %s, and the name that the voice has by now', async (_name, reused, updated) => {
    here.elevenLabs.putVoice('voice_1', { name: 'as the operator calls it' });
    await here.records.putConversation({ claim: null, answer: answers({ reused, updated }) });
    const facts = { isReused: reused, isAgentUpdated: updated, isRepeated: true };
    expect(await prepared()).toEqual({ voiceId: 'voice_1', voiceName: 'as the operator calls it', ...facts });
    expect(here.asked()).toEqual(['getVoice voice_1']);
  });

  it.each<[string, () => unknown]>([
    ['is gone', () => undefined],
    [
      'cannot be asked for',
      () => {
        throw elevenLabsError();
      },
    ],
  ])('gets it also when the voice %s: without a name', async (_name, atLook) => {
    here.elevenLabs.before = atLook;
    await here.records.putConversation({ claim: null, answer: answers({ reused: false, updated: true }) });
    expect(await prepared()).toMatchObject({ voiceId: 'voice_1', voiceName: undefined, isRepeated: true });
  });

  it('gets it also past the deadline, when nothing is asked any more', async () => {
    here.elevenLabs.putVoice('voice_1', { name: 'Ivan' });
    await here.records.putConversation({ claim: null, answer: answers({ reused: false, updated: true }) });
    here.work.end();
    expect(await prepared()).toMatchObject({ voiceId: 'voice_1', voiceName: undefined, isRepeated: true });
  });

  it.each<[string, Partial<PreCallRequest>]>([
    ['another agent', { agentId: 'agent_2' }],
    ['another sample', { sample: Buffer.from('the voice of somebody else') }],
  ])('has a conflict with %s, and nothing is changed or asked', async (_name, other) => {
    await here.records.putConversation({ claim: null, answer: answers({ reused: false, updated: true }) });
    const before = await here.records.conversation();
    expect(await failureOf(preparing({ ...REQUEST, ...other }))).toMatchObject({
      status: 409,
      code: 'conversation_conflict',
    });
    expect(await here.records.conversation()).toEqual(before);
    expect(here.asked().filter((request) => !request.startsWith('getAgent'))).toEqual([]);
    expect([...here.storage.blobs.keys()]).toHaveLength(1);
  });
});

describe('a returning caller', () => {
  it('gets the same clone, the agent being seen once and beside it', async () => {
    const first = await prepared();
    here.elevenLabs.asked.length = 0;
    const facts = { isReused: true, isAgentUpdated: true, isRepeated: false };
    expect(await prepared(RETURNING)).toEqual({ ...first, ...facts });
    expect(here.asked().toSorted()).toEqual(['getAgent agent_1', 'getVoice voice_1', 'patchAgent agent_1']);
    expect(await here.records.conversation('conv_2')).toMatchObject({
      answer: answers({ reused: true, updated: true }),
    });
    expect(await here.records.agent()).toMatchObject({ lease: { conversation: 'conv_2' } });
  });

  it('whose voice is gone gets a new one, and the agent speaks with that', async () => {
    await prepared();
    here.elevenLabs.voices.clear();
    expect(await prepared(RETURNING)).toMatchObject({ voiceId: 'voice_2', isReused: false, isAgentUpdated: true });
    expect(agentNow()).toMatchObject({ voiceId: 'voice_2' });
  });
});

describe('an agent that is not to be changed', () => {
  it('is not asked for, and the answer says so', async () => {
    here = memoryContext({ agentUpdate: 'override' });
    expect(await prepared()).toMatchObject({ voiceId: 'voice_1', isAgentUpdated: false });
    expect(await prepared(RETURNING)).toMatchObject({ isReused: true, isAgentUpdated: false });
    expect(here.asked()).toEqual(['addVoice', 'getVoice voice_1']);
    expect(await here.records.agent()).toBeUndefined();
    expect(await here.records.conversation()).toMatchObject({
      claim: null,
      answer: answers({ reused: false, updated: false }),
    });
    expect(here.log).toEqual([]);
  });
});

describe('an agent that cannot be changed', () => {
  const expectWarning = (hint: string) => {
    const facts = { outcome: 'not updated', agent: 'agent_1', conversation: 'conv_1', hint };
    expect(here.log).toEqual([{ level: 'WARNING', message: 'agent', ...facts }]);
  };

  it.each(['getAgent', 'patchAgent'])('by %s costs no caller: answer and log say so', async (operation) => {
    const error = elevenLabsError({ reason: 'missing_permission', status: 403, retryable: false });
    here.elevenLabs.before = (request) => {
      if (request.startsWith(operation)) throw error;
    };
    expect(await prepared()).toMatchObject({ voiceId: 'voice_1', isAgentUpdated: false, isRepeated: false });
    expect(await here.records.conversation()).toMatchObject({
      claim: null,
      answer: answers({ reused: false, updated: false }),
    });
    expectWarning(error.message);
    expect(agentNow()).toEqual(OWN);
  });

  it('for something thrown that is not an Error is logged all the same', async () => {
    here.elevenLabs.before = (request) => {
      if (request === 'patchAgent agent_1') throw 'no error';
    };
    expect(await prepared()).toMatchObject({ isAgentUpdated: false });
    expectWarning('no error');
  });

  it('is free for the next caller at once', async () => {
    here.elevenLabs.before = (request) => {
      if (request === 'patchAgent agent_1') throw elevenLabsError();
    };
    await prepared();
    here.elevenLabs.before = () => undefined;
    expect(await prepared(RETURNING)).toMatchObject({ isAgentUpdated: true });
  });
});

describe('a clone that fails', () => {
  it.each([
    ['is refused', addVoiceError('refused', { reason: 'invalid_audio', status: 400, retryable: false }), 422],
    ['cannot be had in time', addVoiceError('refused', { retryAfterSeconds: 60 }), 503],
  ])(
    'because it %s changes no agent, and the conversation may be delivered again at once',
    async (_name, error, status) => {
      here.elevenLabs.before = (request) => {
        if (request === 'addVoice') throw error;
      };
      expect(await failureOf(preparing())).toMatchObject({ status, cause: error });
      expect(await here.records.conversation()).toBeUndefined();
      expect(agentNow()).toEqual(OWN);
      here.elevenLabs.before = () => undefined;
      const again = preparing(REQUEST, here.workBy('again'));
      expect(await timeFor(again)).toMatchObject({ voiceId: 'voice_1', isRepeated: false });
    },
  );

  it('leaves the conversation to the delivery that has taken it over', async () => {
    here.elevenLabs.before = async (request) => {
      if (request !== 'addVoice') return;
      await here.records.putConversation({ claim: { by: 'them', until: 9e15 } });
      throw addVoiceError('refused', { status: 400, reason: 'invalid_audio', retryable: false });
    };
    expect(await failureOf(preparing())).toMatchObject({ status: 422 });
    expect(await here.records.conversation()).toMatchObject({ claim: { by: 'them' } });
  });

  it('leaves no sample behind', async () => {
    here = memoryContext({ storesSamples: true });
    here.elevenLabs.before = () => {
      throw addVoiceError('refused', { status: 400, reason: 'invalid_audio', retryable: false });
    };
    await failureOf(preparing());
    expect(here.storage.blobs.has(KEPT_SAMPLE)).toBe(false);
  });
});

describe('the sample', () => {
  it('is kept beside the change of the agent, when that is switched on', async () => {
    here = memoryContext({ storesSamples: true });
    const { promise: slow, resolve: go } = Promise.withResolvers<void>();
    here.elevenLabs.before = (request) => (request === 'patchAgent agent_1' ? slow : undefined);
    const answering = preparing();
    await settle();
    expect(here.storage.blobs.get(KEPT_SAMPLE)?.bytes).toEqual(SAMPLE_BYTES);
    go();
    expect(await timeFor(answering)).toMatchObject({ isAgentUpdated: true });
  });

  it('is kept before the answer, which is given even when that fails', async () => {
    here = memoryContext({ storesSamples: true });
    let answered: unknown;
    here.storage.before = async (operation, name) => {
      if (operation !== 'upload' || name !== KEPT_SAMPLE) return;
      answered = (await here.records.conversation())?.answer;
      throw new Error('storage is away');
    };
    expect(await prepared()).toMatchObject({ isAgentUpdated: true });
    expect(answered).toBeNull();
  });
});
