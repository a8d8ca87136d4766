import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../../../src/lib/preCall/agent/agentChange.ts';
import { type AgentState, NOTHING_LEASED, voices } from '../../../src/lib/preCall/state/records.ts';
import { sweepPreCall } from '../../../src/lib/preCall/sweep.ts';
import { elevenLabsError, OWN } from './fakeElevenLabs.ts';
import { type MemoryContext, memoryContext, SAMPLE_HASH } from './memoryContext.ts';
import { MINUTE_MS, stopTime } from './stoppedTime.ts';

beforeEach(stopTime);

const DAY_MS = 24 * 60 * MINUTE_MS;
const LEASED = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const READY = { state: 'ready', voice_id: 'voice_1', cloned_at: 5 } as const;
const OTHER_SAMPLE = 'b'.repeat(64);

let here: MemoryContext;
beforeEach(() => {
  here = memoryContext();
});

const sweep = () => sweepPreCall(here.context, here.work.log);
const warning = (what: string, hint: string) => ({ level: 'WARNING', message: 'sweep', outcome: 'failed', what, hint });
const agentNow = (name = OWN.agentId) => here.elevenLabs.agents.get(name);
const voiceIds = () => [...here.elevenLabs.voices.keys()];

/** Post-call has stored something. */
async function store(container: string, name: string): Promise<void> {
  await here.storage.attempt(container, (client, abortSignal) =>
    client.getBlockBlobClient(name).upload('', 0, { abortSignal }),
  );
}

/** An agent that has a caller's voice. */
async function leaseAgent(record: Partial<AgentState> = {}, agentId = OWN.agentId): Promise<void> {
  here.elevenLabs.agents.set(agentId, { ...LEASED, agentId });
  const own = { voice_id: 'voice_own', first_message: 'Good morning' };
  const lease = { conversation: 'conv_1', expires_at: Date.now() + MINUTE_MS };
  await here.records.putAgent({ own, set: [changeOf(LEASED)], lease, ...record }, agentId);
}

describe('a conversation', () => {
  const claim = { by: 'delivery', until: 0 };
  beforeEach(() => here.records.putConversation({ claim }));

  it.each([
    ['transcript', 'calls', 'transcripts/agent_1/conv_1.json'],
    ['OpenTelemetry transcript', 'calls', 'transcripts/agent_1/conv_1.otel.json'],
    ['recording', 'sound', 'audio/agent_1/conv_1.mp3'],
    ['failure', 'calls', 'failures/agent_1/conv_1.json'],
  ])('ends when its %s is stored, and the log says so', async (_what, container, name) => {
    const before = await here.records.conversation();
    await store(container, name);
    await sweep();
    expect(await here.records.conversation()).toEqual({ ...before, claim: null, ended: true });
    expect(here.log).toEqual([
      { level: 'INFO', message: 'sweep', outcome: 'lease ended', conversation: 'conv_1', agent: 'agent_1' },
    ]);
  });

  it('ends when its lease expires and not before', async () => {
    vi.advanceTimersByTime(15 * MINUTE_MS - 1);
    await sweep();
    expect(await here.records.conversation()).toMatchObject({ ended: false, claim });
    expect(here.log).toEqual([]);
    vi.advanceTimersByTime(1);
    await sweep();
    expect(await here.records.conversation()).toMatchObject({ ended: true, claim: null });
  });

  it('does not end by what is stored of another call or another agent', async () => {
    await store('calls', 'transcripts/agent_1/conv_2.json');
    await store('calls', 'transcripts/agent_2/conv_1.json');
    await sweep();
    expect(await here.records.conversation()).toMatchObject({ ended: false });
  });

  it('does not end when a delivery changes it at that moment', async () => {
    vi.advanceTimersByTime(15 * MINUTE_MS);
    here.beforeNext('upload', 'conversations/', () => here.records.putConversation());
    await sweep();
    expect(await here.records.conversation()).toMatchObject({ ended: false });
    expect(here.log).toEqual([]);
  });

  it('that has ended is forgotten after seven days and not before', async () => {
    await here.records.putConversation({ ended: true });
    vi.advanceTimersByTime(7 * DAY_MS);
    await sweep();
    expect(await here.records.conversation()).toMatchObject({ ended: true });
    vi.advanceTimersByTime(1);
    await sweep();
    expect(await here.records.conversation()).toBeUndefined();
    expect(here.log).toEqual([]);
  });

  it('that vanishes meanwhile is not a failure', async () => {
    here.beforeNext('download', 'conversations/', () => here.vanish('conversations/'));
    await sweep();
    expect(here.log).toEqual([]);
  });

  it('that cannot be looked at keeps no other from ending, and the log says why', async () => {
    await here.records.putConversation({}, 'conv_2');
    vi.advanceTimersByTime(15 * MINUTE_MS);
    here.beforeNext('download', 'conv_1', () => {
      throw new Error('Storage is away');
    });
    await sweep();
    expect(here.log).toContainEqual(warning('conversation', 'Storage is away'));
    expect(await here.records.conversation()).toMatchObject({ ended: false });
    expect(await here.records.conversation('conv_2')).toMatchObject({ ended: true });
  });

  it('that fails with something that is not an Error is logged with it', async () => {
    here.beforeNext('download', 'conv_1', () => {
      throw 'away';
    });
    await sweep();
    expect(here.log).toEqual([warning('conversation', 'away')]);
  });
});

describe('an agent', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['whose call is over', () => here.records.putConversation({ ended: true })],
    ['whose call nobody knows', async () => {}],
    [
      'whose lease has expired',
      async () => {
        await here.records.putConversation();
        await leaseAgent({ lease: { conversation: 'conv_1', expires_at: Date.now() } });
      },
    ],
    ['without a lease', () => leaseAgent({ lease: null })],
  ])('%s gets back its own, and the log says so', async (_which, arrange) => {
    await leaseAgent();
    await arrange();
    await sweep();
    expect(agentNow()).toEqual(OWN);
    expect(await here.records.agent()).toEqual(NOTHING_LEASED);
    expect(here.log).toEqual([{ level: 'INFO', message: 'sweep', outcome: 'agent restored', agent: 'agent_1' }]);
  });

  it('whose call ends in the same sweep gets back its own in it', async () => {
    await leaseAgent();
    await here.records.putConversation();
    await store('calls', 'transcripts/agent_1/conv_1.json');
    await sweep();
    expect(agentNow()).toEqual(OWN);
  });

  it('whose call is running keeps the caller’s voice, and ElevenLabs is not asked for it', async () => {
    await leaseAgent();
    await here.records.putConversation();
    await sweep();
    expect(agentNow()).toEqual(LEASED);
    expect(here.asked()).toEqual(['findVoices']);
  });

  it('is locked for the sweep and half a minute while it gets back its own', async () => {
    await leaseAgent();
    let during: AgentState | undefined;
    here.elevenLabs.before = async (request) => {
      if (request === 'patchAgent agent_1') during = await here.records.agent();
    };
    await sweep();
    expect(during?.claim).toEqual({ by: expect.stringMatching(/^sweep-./), until: Date.now() + 30_000 });
  });

  it('that a delivery is at work on is left alone, and the log says nothing', async () => {
    await leaseAgent({ claim: { by: 'delivery', until: Date.now() + 1 } });
    await sweep();
    expect(agentNow()).toEqual(LEASED);
    expect(here.log).toEqual([]);
  });

  it('that has its own back is forgotten after 15 minutes and not before', async () => {
    await here.records.putAgent(NOTHING_LEASED);
    vi.advanceTimersByTime(15 * MINUTE_MS);
    await sweep();
    expect(await here.records.agent()).toEqual(NOTHING_LEASED);
    vi.advanceTimersByTime(1);
    await sweep();
    expect(await here.records.agent()).toBeUndefined();
    expect(here.asked()).toEqual(['findVoices', 'findVoices']);
    expect(here.log).toEqual([]);
  });

  it('is not forgotten when it is leased again at that moment', async () => {
    await here.records.putAgent(NOTHING_LEASED);
    vi.advanceTimersByTime(16 * MINUTE_MS);
    here.beforeNext('delete', 'agents/', () => leaseAgent());
    await sweep();
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: 'voice_own' } });
  });

  it('that vanishes meanwhile is not a failure', async () => {
    await leaseAgent();
    here.beforeNext('download', 'agents/', () => here.vanish('agents/'));
    await sweep();
    expect(here.log).toEqual([]);
  });

  it('that cannot be changed keeps no other from getting back its own, and the log says why', async () => {
    await leaseAgent();
    await leaseAgent({}, 'agent_2');
    const error = elevenLabsError();
    here.elevenLabs.before = (request) => {
      if (request === 'patchAgent agent_1') throw error;
    };
    await sweep();
    expect(agentNow('agent_2')).toEqual({ ...OWN, agentId: 'agent_2' });
    expect(here.log).toContainEqual(warning('agent', error.message));
  });
});

describe('a clone whose only conversation has ended', () => {
  beforeEach(async () => {
    here = memoryContext({ deletesClones: true });
    here.elevenLabs.putVoice('voice_1');
    await here.records.putVoice(READY);
    await here.records.putConversation({ ended: true });
  });

  it('is deleted', async () => {
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(await here.records.voice()).toBeUndefined();
  });

  it('is deleted in the sweep that ends the conversation', async () => {
    await here.records.putConversation({ expires_at: Date.now() });
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('stays when clones are not to be deleted', async () => {
    here = memoryContext();
    here.elevenLabs.putVoice('voice_1');
    await here.records.putVoice(READY);
    await here.records.putConversation({ ended: true });
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['another conversation of the same caller runs', async () => {}],
    [
      'another one is being changed as it would end',
      async () => {
        const expires_at = Date.now();
        await here.records.putConversation({ expires_at }, 'conv_2');
        here.beforeNext('upload', 'conv_2', () => here.records.putConversation({ expires_at }, 'conv_2'));
      },
    ],
  ])('is not even marked for deletion while %s', async (_while, arrange) => {
    await here.records.putConversation({}, 'conv_2');
    await arrange();
    const { etag } = await here.records.putVoice(READY);
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect((await here.state.read(voices, SAMPLE_HASH))?.etag).toBe(etag);
  });

  it('does not take with it a clone that no conversation is known of', async () => {
    here.elevenLabs.putVoice('voice_2');
    await here.records.putVoice({ ...READY, voice_id: 'voice_2' }, OTHER_SAMPLE);
    await sweep();
    expect(voiceIds()).toEqual(['voice_2']);
  });

  it('that cannot be deleted keeps no other from it, and the log says why', async () => {
    here.elevenLabs.putVoice('voice_2');
    await here.records.putVoice({ ...READY, voice_id: 'voice_2' }, OTHER_SAMPLE);
    await here.records.putConversation({ ended: true, sample_sha256: OTHER_SAMPLE }, 'conv_2');
    const error = elevenLabsError();
    here.elevenLabs.before = (request) => {
      if (request === 'deleteVoice voice_1') throw error;
    };
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(here.log).toContainEqual(warning('clone', error.message));
  });
});

describe('after that', () => {
  it('voices of ours that no record knows are deleted', async () => {
    here.elevenLabs.putVoice('voice_1');
    vi.advanceTimersByTime(16 * MINUTE_MS);
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('slots are counted only when some are to be kept free', async () => {
    await sweep();
    expect(here.asked()).toEqual(['findVoices']);
  });

  it('one slot is kept free when one is wanted', async () => {
    here = memoryContext({ slotsReserve: 1 });
    here.elevenLabs.putVoice('voice_1');
    await here.records.putVoice(READY);
    here.elevenLabs.voiceLimit = 1;
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('the reserve is looked after although the search for orphans fails, and the log says of both why they failed', async () => {
    here = memoryContext({ slotsReserve: 1 });
    here.elevenLabs.before = (request) => {
      throw new Error(`No answer to ${request}`);
    };
    await sweep();
    expect(here.log).toEqual([
      warning('orphans', 'No answer to findVoices'),
      warning('reserve', 'No answer to getSubscription'),
    ]);
  });
});
