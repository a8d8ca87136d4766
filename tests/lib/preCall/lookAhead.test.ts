import { beforeEach, describe, expect, it } from 'vitest';
import { type Foreseen, lookAhead, reuse } from '../../../src/lib/preCall/lookAhead.ts';
import { type AgentState, agents, NOTHING_LENT, type VoiceState, voices } from '../../../src/lib/preCall/records.ts';
import {
  type CloneWorld,
  cloneWorld,
  failureOf,
  REQUEST,
  SAMPLE_HASH,
  settle,
  stopTime,
  timeFor,
} from './cloneWorld.ts';
import { elevenLabsError } from './fakeElevenLabs.ts';

beforeEach(stopTime);

const READY: VoiceState = { state: 'ready', voice_id: 'voice_1', cloned_at: 1_700_000_000_000 };
const AGENT = { agentId: 'agent_1', voiceId: 'voice_own', firstMessage: 'Good day.' };

/** A world with the agent and, at ElevenLabs, the clone; records are the tests' own. */
function worldWith(agentUpdate: 'patch' | 'override' = 'patch'): CloneWorld {
  const here = cloneWorld({ agentUpdate });
  const voice = { voiceId: 'voice_1', name: '', labels: {}, category: 'cloned', createdAtSeconds: 1_700_000_000 };
  here.elevenLabs.voices.set('voice_1', voice);
  here.elevenLabs.agents.set('agent_1', AGENT);
  return here;
}

const recordVoice = (here: CloneWorld, value: VoiceState) => here.state.create(voices, SAMPLE_HASH, value);
const recordAgent = (here: CloneWorld, more: Partial<AgentState> = {}) =>
  here.state.create(agents, 'agent_1', { ...NOTHING_LENT, ...more });

describe('looking ahead', () => {
  it('finds the records of voice and agent, and changes nothing', async () => {
    const here = worldWith();
    const { record: voice } = await recordVoice(here, READY);
    const { record: agent } = await recordAgent(here);
    const before = new Map(here.storage.blobs);
    const ahead = lookAhead(here.world, REQUEST);
    expect(ahead.sampleHash).toBe(SAMPLE_HASH);
    expect(await ahead.foreseen).toMatchObject({ voice, agent });
    expect(here.storage.blobs).toEqual(before);
    expect(here.asked()).toEqual([]);
  });

  it('finds nothing of a caller and an agent that are new', async () => {
    expect(await lookAhead(worldWith().world, REQUEST).foreseen).toEqual({ voice: undefined, agent: undefined });
  });

  it('takes no look at an agent that will not be changed', async () => {
    const here = worldWith('override');
    const { record: voice } = await recordVoice(here, READY);
    await recordAgent(here);
    expect(await lookAhead(here.world, REQUEST).foreseen).toMatchObject({ voice, agent: undefined });
  });

  it.each(['voices', 'agents'])('goes without the record of %s when it cannot be read', async (folder) => {
    const here = worldWith();
    await recordVoice(here, READY);
    await recordAgent(here);
    here.storage.before = (_operation, name) => {
      if (name.includes(folder)) throw new Error('storage is away');
    };
    const { voice, agent } = await lookAhead(here.world, REQUEST).foreseen;
    expect([voice?.name, agent?.name]).toEqual(folder === 'voices' ? [undefined, 'agent_1'] : [SAMPLE_HASH, undefined]);
  });
});

describe('reusing a foreseen voice', () => {
  let here: CloneWorld;
  let work: ReturnType<CloneWorld['work']>;
  beforeEach(() => {
    here = worldWith();
    work = here.work('us');
  });

  const foresee = (): Promise<Foreseen> => lookAhead(here.world, REQUEST).foreseen;
  const reusing = (foreseen: Foreseen) => timeFor(reuse(here.world, work, REQUEST, foreseen));
  const overwrite = async ({ voice }: Foreseen, value: VoiceState) => {
    if (voice !== undefined) await here.state.replace(voices, voice, value);
  };

  it('gives the clone, and the agent as it is meanwhile', async () => {
    await recordVoice(here, READY);
    const { record } = await recordAgent(here);
    const reused = await reusing(await foresee());
    expect(reused?.clone).toEqual({ voiceId: 'voice_1', clonedAt: 1_700_000_000_000, isReused: true });
    expect(await reused?.agent).toMatchObject({ record, current: AGENT });
    expect(here.asked().sort()).toEqual(['getAgent', 'getVoice']);
  });

  it('gives no agent while somebody is at work on it', async () => {
    await here.atWork('conv_2', 'them');
    await recordVoice(here, READY);
    await recordAgent(here, { claim: { by: 'them', conversation: 'conv_2' } });
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    expect(await reused?.agent).toBeUndefined();
  });

  it('takes no look at an agent that will not be changed', async () => {
    here = worldWith('override');
    await recordVoice(here, READY);
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    await expect(reused?.agent).resolves.toBeUndefined();
    expect(here.asked()).toEqual(['getVoice']);
  });

  it('asks for the voice without waiting for the agent', async () => {
    await recordVoice(here, READY);
    const { promise: slow, resolve: go } = Promise.withResolvers<void>();
    here.elevenLabs.before = (operation) => (operation === 'getAgent' ? slow : undefined);
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    go();
    expect((await reused?.agent)?.current).toEqual(AGENT);
  });

  it('leaves it to whoever changes the agent that it could not be looked at', async () => {
    await recordVoice(here, READY);
    here.elevenLabs.agents.clear();
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    await settle();
    await expect(reused?.agent).rejects.toMatchObject({ reason: 'not_found' });
  });

  it.each<[string, VoiceState | undefined]>([
    ['there is none', undefined],
    ['it is being cloned', { state: 'cloning', claim: { by: 'them', conversation: 'conv_2' } }],
    ['it is being deleted', { ...READY, state: 'deleting', claim: { by: 'sweep', until: 9e15 } }],
  ])('is not tried when %s', async (_name, value) => {
    if (value !== undefined) await recordVoice(here, value);
    expect(await reusing(await foresee())).toBeUndefined();
    expect(here.asked()).toEqual([]);
  });

  it('is no use when ElevenLabs does not have it any more', async () => {
    await recordVoice(here, READY);
    here.elevenLabs.voices.clear();
    expect(await reusing(await foresee())).toBeUndefined();
  });

  it('is no use when the sweep has marked it since it was foreseen', async () => {
    await recordVoice(here, READY);
    const foreseen = await foresee();
    await overwrite(foreseen, { ...READY, state: 'deleting', claim: { by: 'sweep', until: 9e15 } });
    expect(await reusing(foreseen)).toBeUndefined();
  });

  it('is no use when its record is gone since it was foreseen', async () => {
    await recordVoice(here, READY);
    const foreseen = await foresee();
    here.storage.blobs.clear();
    expect(await reusing(foreseen)).toBeUndefined();
  });

  it('fails when ElevenLabs cannot be asked for the voice', async () => {
    await recordVoice(here, READY);
    const foreseen = await foresee();
    here.elevenLabs.before = () => {
      throw elevenLabsError();
    };
    expect(await failureOf(reuse(here.world, work, REQUEST, foreseen))).toMatchObject({ status: 503 });
  });
});
