import { beforeEach, describe, expect, it } from 'vitest';
import { type Foreseen, lookAhead, reuse } from '../../../src/lib/preCall/lookAhead.ts';
import type { VoiceState } from '../../../src/lib/preCall/state/records.ts';
import { elevenLabsError, OWN } from './fakeElevenLabs.ts';
import { type MemoryContext, memoryContext, REQUEST, SAMPLE_HASH } from './memoryContext.ts';
import { failureOf, settle, stopTime, timeFor } from './stoppedTime.ts';

beforeEach(stopTime);

const READY: VoiceState = { state: 'ready', voice_id: 'voice_1', cloned_at: 1_700_000_000_000 };

/** A context with the agent and, at ElevenLabs, the clone; records are the tests' own. */
function contextWith(agentUpdate: 'patch' | 'override' = 'patch'): MemoryContext {
  const here = memoryContext({ agentUpdate });
  here.elevenLabs.putVoice('voice_1', { name: 'Ivan' });
  return here;
}

describe('looking ahead', () => {
  it('finds the records of voice and agent, and changes nothing', async () => {
    const here = contextWith();
    const voice = await here.records.putVoice(READY);
    const agent = await here.records.putAgent();
    const before = new Map(here.storage.blobs);
    const ahead = lookAhead(here.context, REQUEST);
    expect(ahead.sampleHash).toBe(SAMPLE_HASH);
    expect(await ahead.foreseen).toMatchObject({ voice, agent });
    expect(here.storage.blobs).toEqual(before);
    expect(here.asked()).toEqual([]);
  });

  it('finds nothing of a caller and an agent that are new', async () => {
    expect(await lookAhead(contextWith().context, REQUEST).foreseen).toEqual({ voice: undefined, agent: undefined });
  });

  it('takes no look at an agent that will not be changed', async () => {
    const here = contextWith('override');
    const voice = await here.records.putVoice(READY);
    await here.records.putAgent();
    expect(await lookAhead(here.context, REQUEST).foreseen).toMatchObject({ voice, agent: undefined });
  });

  it.each(['voices', 'agents'])('goes without the record of %s when it cannot be read', async (folder) => {
    const here = contextWith();
    await here.records.putVoice(READY);
    await here.records.putAgent();
    here.storage.before = (_operation, name) => {
      if (name.includes(folder)) throw new Error('storage is away');
    };
    const { voice, agent } = await lookAhead(here.context, REQUEST).foreseen;
    expect([voice?.name, agent?.name]).toEqual(folder === 'voices' ? [undefined, 'agent_1'] : [SAMPLE_HASH, undefined]);
  });
});

describe('reusing a foreseen voice', () => {
  let here: MemoryContext;
  beforeEach(() => {
    here = contextWith();
  });

  const foresee = (): Promise<Foreseen> => lookAhead(here.context, REQUEST).foreseen;
  const reusing = (foreseen: Foreseen) => timeFor(reuse(here.context, here.work, REQUEST, foreseen));

  it('gives the clone, and the agent as it is meanwhile', async () => {
    await here.records.putVoice(READY);
    const record = await here.records.putAgent();
    const reused = await reusing(await foresee());
    expect(reused?.clone).toEqual({ voiceId: 'voice_1', name: 'Ivan', clonedAt: 1_700_000_000_000, isReused: true });
    expect(await reused?.agent).toMatchObject({ record, current: OWN });
    expect(here.asked().sort()).toEqual(['getAgent agent_1', 'getVoice voice_1']);
  });

  it('gives no agent while somebody is at work on it', async () => {
    await here.records.putAtWork('conv_2', 'them');
    await here.records.putVoice(READY);
    await here.records.putAgent({ claim: { by: 'them', conversation: 'conv_2' } });
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    expect(await reused?.agent).toBeUndefined();
  });

  it('takes no look at an agent that will not be changed', async () => {
    here = contextWith('override');
    await here.records.putVoice(READY);
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    await expect(reused?.agent).resolves.toBeUndefined();
    expect(here.asked()).toEqual(['getVoice voice_1']);
  });

  it('asks for the voice without waiting for the agent', async () => {
    await here.records.putVoice(READY);
    const { promise: slow, resolve: go } = Promise.withResolvers<void>();
    here.elevenLabs.before = (request) => (request === 'getAgent agent_1' ? slow : undefined);
    const reused = await reusing(await foresee());
    expect(reused?.clone.voiceId).toBe('voice_1');
    go();
    expect((await reused?.agent)?.current).toEqual(OWN);
  });

  it('leaves it to whoever changes the agent that it could not be looked at', async () => {
    await here.records.putVoice(READY);
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
    if (value !== undefined) await here.records.putVoice(value);
    expect(await reusing(await foresee())).toBeUndefined();
    expect(here.asked()).toEqual([]);
  });

  it('is not used when ElevenLabs does not have it any more', async () => {
    await here.records.putVoice(READY);
    here.elevenLabs.voices.clear();
    expect(await reusing(await foresee())).toBeUndefined();
  });

  it('is not used when the sweep has marked it since it was foreseen', async () => {
    await here.records.putVoice(READY);
    const foreseen = await foresee();
    await here.records.putVoice({ ...READY, state: 'deleting', claim: { by: 'sweep', until: 9e15 } });
    expect(await reusing(foreseen)).toBeUndefined();
  });

  it('is not used when its record is gone since it was foreseen', async () => {
    await here.records.putVoice(READY);
    const foreseen = await foresee();
    here.storage.blobs.clear();
    expect(await reusing(foreseen)).toBeUndefined();
  });

  it('fails when ElevenLabs cannot be asked for the voice', async () => {
    await here.records.putVoice(READY);
    const foreseen = await foresee();
    here.elevenLabs.before = () => {
      throw elevenLabsError();
    };
    expect(await failureOf(reuse(here.context, here.work, REQUEST, foreseen))).toMatchObject({ status: 503 });
  });
});
