import { beforeEach, describe, expect, it } from 'vitest';
import { changeOf } from '../../../src/lib/preCall/agentChange.ts';
import { type AgentState, NOTHING_LENT, voices } from '../../../src/lib/preCall/records.ts';
import { sweepPreCall } from '../../../src/lib/preCall/sweep.ts';
import { failed, lendWorld, MINUTE_MS, OURS, OWN, SAMPLE } from './lendWorld.ts';

const DAY_MS = 24 * 60 * MINUTE_MS;
const LENT = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const READY = { state: 'ready', voice_id: 'voice_1', cloned_at: 5 } as const;
const OTHER_SAMPLE = 'b'.repeat(64);

let on: ReturnType<typeof lendWorld>;
beforeEach(() => {
  on = lendWorld();
});

const sweep = () => sweepPreCall(on.world, on.work.log);
const warning = (what: string, hint: string) => ({ level: 'WARNING', message: 'sweep', outcome: 'failed', what, hint });
const agentNow = (name = OWN.agentId) => on.elevenLabs.agents.get(name);
const voiceIds = () => [...on.elevenLabs.voices.keys()];

/** Post-call has stored something. */
async function store(container: string, name: string): Promise<void> {
  await on.storage.attempt(container, (client, abortSignal) =>
    client.getBlockBlobClient(name).upload('', 0, { abortSignal }),
  );
}

/** An agent that has a caller's voice. */
async function lendAgent(record: Partial<AgentState> = {}, agentId = OWN.agentId): Promise<void> {
  on.elevenLabs.agents.set(agentId, { ...LENT, agentId });
  const own = { voice_id: 'voice_own', first_message: 'Good morning' };
  const lease = { conversation: 'conv_1', expires_at: on.clock.ms + MINUTE_MS };
  await on.records.putAgent({ own, set: [changeOf(LENT)], lease, ...record }, agentId);
}

describe('a conversation', () => {
  const claim = { by: 'delivery', until: 0 };
  beforeEach(() => on.records.putConversation({ claim }));

  it.each([
    ['transcript', 'calls', 'transcripts/agent_1/conv_1.json'],
    ['recording', 'sound', 'audio/agent_1/conv_1.mp3'],
    ['failure', 'calls', 'failures/agent_1/conv_1.json'],
  ])('ends when its %s is stored, and the log says so', async (_what, container, name) => {
    const before = await on.records.conversation();
    await store(container, name);
    await sweep();
    expect(await on.records.conversation()).toEqual({ ...before, claim: null, ended: true });
    expect(on.lines).toEqual([
      { level: 'INFO', message: 'sweep', outcome: 'lease ended', conversation: 'conv_1', agent: 'agent_1' },
    ]);
  });

  it('ends when its lease expires and not before', async () => {
    on.clock.ms += 15 * MINUTE_MS - 1;
    await sweep();
    expect(await on.records.conversation()).toMatchObject({ ended: false, claim });
    expect(on.lines).toEqual([]);
    on.clock.ms += 1;
    await sweep();
    expect(await on.records.conversation()).toMatchObject({ ended: true, claim: null });
  });

  it('does not end by what is stored of another call or another agent', async () => {
    await store('calls', 'transcripts/agent_1/conv_2.json');
    await store('calls', 'transcripts/agent_2/conv_1.json');
    await sweep();
    expect(await on.records.conversation()).toMatchObject({ ended: false });
  });

  it('does not end when a delivery changes it at that moment', async () => {
    on.clock.ms += 15 * MINUTE_MS;
    on.records.before('upload', 'conversations/', () => on.records.putConversation());
    await sweep();
    expect(await on.records.conversation()).toMatchObject({ ended: false });
    expect(on.lines).toEqual([]);
  });

  it('that has ended is forgotten after seven days and not before', async () => {
    await on.records.putConversation({ ended: true });
    on.clock.ms += 7 * DAY_MS;
    await sweep();
    expect(await on.records.conversation()).toMatchObject({ ended: true });
    on.clock.ms += 1;
    await sweep();
    expect(await on.records.conversation()).toBeUndefined();
    expect(on.lines).toEqual([]);
  });

  it('that vanishes meanwhile is no failure', async () => {
    on.records.before('download', 'conversations/', () => on.records.vanish('conversations/'));
    await sweep();
    expect(on.lines).toEqual([]);
  });

  it('that cannot be looked at keeps no other from ending, and the log says why', async () => {
    await on.records.putConversation({}, 'conv_2');
    on.clock.ms += 15 * MINUTE_MS;
    on.records.before('download', 'conv_1', () => {
      throw new Error('Storage is away');
    });
    await sweep();
    expect(on.lines).toContainEqual(warning('conversation', 'Storage is away'));
    expect(await on.records.conversation()).toMatchObject({ ended: false });
    expect(await on.records.conversation('conv_2')).toMatchObject({ ended: true });
  });

  it('that fails with something that is no error is logged with it', async () => {
    on.records.before('download', 'conv_1', () => {
      throw 'away';
    });
    await sweep();
    expect(on.lines).toEqual([warning('conversation', 'away')]);
  });
});

describe('an agent', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['whose call is over', () => on.records.putConversation({ ended: true })],
    ['whose call nobody knows', async () => {}],
    [
      'whose lease has expired',
      async () => {
        await on.records.putConversation();
        await lendAgent({ lease: { conversation: 'conv_1', expires_at: on.clock.ms } });
      },
    ],
    ['without a lease', () => lendAgent({ lease: null })],
  ])('%s gets back its own, and the log says so', async (_which, arrange) => {
    await lendAgent();
    await arrange();
    await sweep();
    expect(agentNow()).toEqual(OWN);
    expect(await on.records.agent()).toEqual(NOTHING_LENT);
    expect(on.lines).toEqual([{ level: 'INFO', message: 'sweep', outcome: 'agent restored', agent: 'agent_1' }]);
  });

  it('whose call ends in the same sweep gets back its own in it', async () => {
    await lendAgent();
    await on.records.putConversation();
    await store('calls', 'transcripts/agent_1/conv_1.json');
    await sweep();
    expect(agentNow()).toEqual(OWN);
  });

  it('whose call is running keeps the caller’s voice, and ElevenLabs is not asked for it', async () => {
    await lendAgent();
    await on.records.putConversation();
    await sweep();
    expect(agentNow()).toEqual(LENT);
    expect(on.elevenLabs.requests).toEqual(['LIST']);
  });

  it('is claimed for the sweep and half a minute while it gets back its own', async () => {
    await lendAgent();
    let during: AgentState | undefined;
    on.elevenLabs.before = async (request) => {
      if (request === 'PATCH agent_1') during = await on.records.agent();
    };
    await sweep();
    expect(during?.claim).toEqual({ by: expect.stringMatching(/^sweep-./), until: on.clock.ms + 30_000 });
  });

  it('that a delivery is at work on is left alone, and the log says nothing', async () => {
    await lendAgent({ claim: { by: 'delivery', until: on.clock.ms + 1 } });
    await sweep();
    expect(agentNow()).toEqual(LENT);
    expect(on.lines).toEqual([]);
  });

  it('that has its own back is forgotten after 15 minutes and not before', async () => {
    await on.records.putAgent(NOTHING_LENT);
    on.clock.ms += 15 * MINUTE_MS;
    await sweep();
    expect(await on.records.agent()).toEqual(NOTHING_LENT);
    on.clock.ms += 1;
    await sweep();
    expect(await on.records.agent()).toBeUndefined();
    expect(on.elevenLabs.requests).toEqual(['LIST', 'LIST']);
    expect(on.lines).toEqual([]);
  });

  it('is not forgotten when it is lent again at that moment', async () => {
    await on.records.putAgent(NOTHING_LENT);
    on.clock.ms += 16 * MINUTE_MS;
    on.records.before('delete', 'agents/', () => lendAgent());
    await sweep();
    expect(await on.records.agent()).toMatchObject({ own: { voice_id: 'voice_own' } });
  });

  it('that vanishes meanwhile is no failure', async () => {
    await lendAgent();
    on.records.before('download', 'agents/', () => on.records.vanish('agents/'));
    await sweep();
    expect(on.lines).toEqual([]);
  });

  it('that cannot be changed keeps no other from getting back its own, and the log says why', async () => {
    await lendAgent();
    await lendAgent({}, 'agent_2');
    const error = failed('upstream_unavailable');
    on.elevenLabs.before = (request) => {
      if (request === 'PATCH agent_1') throw error;
    };
    await sweep();
    expect(agentNow('agent_2')).toEqual({ ...OWN, agentId: 'agent_2' });
    expect(on.lines).toContainEqual(warning('agent', error.message));
  });
});

describe('a clone whose only conversation has ended', () => {
  beforeEach(async () => {
    on = lendWorld({ deletesClones: true });
    on.elevenLabs.addVoice('voice_1', on.clock.ms);
    await on.records.putVoice(READY);
    await on.records.putConversation({ ended: true });
  });

  it('is deleted', async () => {
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(await on.records.voice()).toBeUndefined();
  });

  it('is deleted in the sweep that ends the conversation', async () => {
    await on.records.putConversation({ expires_at: on.clock.ms });
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('stays when clones are not to be deleted', async () => {
    on = lendWorld();
    on.elevenLabs.addVoice('voice_1', on.clock.ms);
    await on.records.putVoice(READY);
    await on.records.putConversation({ ended: true });
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['another conversation of the same caller runs', async () => {}],
    [
      'another one is being changed as it would end',
      async () => {
        const expires_at = on.clock.ms;
        await on.records.putConversation({ expires_at }, 'conv_2');
        on.records.before('upload', 'conv_2', () => on.records.putConversation({ expires_at }, 'conv_2'));
      },
    ],
  ])('is not even marked for deletion while %s', async (_while, arrange) => {
    await on.records.putConversation({}, 'conv_2');
    await arrange();
    const { etag } = await on.records.putVoice(READY);
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect((await on.world.state.read(voices, SAMPLE))?.etag).toBe(etag);
  });

  it('does not take with it a clone that no conversation is known of', async () => {
    on.elevenLabs.addVoice('voice_2', on.clock.ms);
    await on.records.putVoice({ ...READY, voice_id: 'voice_2' }, OTHER_SAMPLE);
    await sweep();
    expect(voiceIds()).toEqual(['voice_2']);
  });

  it('that cannot be deleted keeps no other from it, and the log says why', async () => {
    on.elevenLabs.addVoice('voice_2', on.clock.ms);
    await on.records.putVoice({ ...READY, voice_id: 'voice_2' }, OTHER_SAMPLE);
    await on.records.putConversation({ ended: true, sample_sha256: OTHER_SAMPLE }, 'conv_2');
    const error = failed('upstream_unavailable');
    on.elevenLabs.before = (request) => {
      if (request === 'DELETE voice_1') throw error;
    };
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(on.lines).toContainEqual(warning('clone', error.message));
  });
});

describe('after that', () => {
  it('voices of ours that no record knows are deleted', async () => {
    on.elevenLabs.addVoice('voice_1', on.clock.ms - 16 * MINUTE_MS, { labels: OURS });
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('slots are counted only when some are to be kept free', async () => {
    await sweep();
    expect(on.elevenLabs.requests).toEqual(['LIST']);
  });

  it('one slot is kept free when one is wanted', async () => {
    on = lendWorld({ slotsReserve: 1 });
    on.elevenLabs.addVoice('voice_1', on.clock.ms);
    await on.records.putVoice(READY);
    on.elevenLabs.voiceLimit = 1;
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('the reserve is looked after although the search for orphans fails, and the log says of both why they failed', async () => {
    on = lendWorld({ slotsReserve: 1 });
    on.elevenLabs.before = (request) => {
      throw new Error(`No answer to ${request}`);
    };
    await sweep();
    expect(on.lines).toEqual([
      warning('orphans', 'No answer to LIST'),
      warning('reserve', 'No answer to SUBSCRIPTION'),
    ]);
  });
});
