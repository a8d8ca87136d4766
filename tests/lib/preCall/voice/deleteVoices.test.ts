import { beforeEach, describe, expect, it, vi } from 'vitest';
import { deleteClone, deleteOrphans, keepReserve } from '../../../../src/lib/preCall/voice/deleteVoices.ts';
import { elevenLabsError, OURS } from '../fakeElevenLabs.ts';
import { type MemoryContext, memoryContext, SAMPLE_HASH } from '../memoryContext.ts';
import { MINUTE_MS, stopTime } from '../stoppedTime.ts';

beforeEach(stopTime);

const READY = { state: 'ready', voice_id: 'voice_1', cloned_at: 5 } as const;
const SET = [{ voice_id: 'voice_1', first_message_sha256: '' }];
const ANSWER = { voice_id: 'voice_1', cloned_at: 5, voice_reused: false, agent_updated: true };
const OTHER_SAMPLE = 'b'.repeat(64);

let here: MemoryContext;
beforeEach(() => {
  here = memoryContext({ slotsReserve: 2 });
});

/** When a voice was made, as ElevenLabs says it. */
const madeBefore = (ms: number) => ({ createdAtSeconds: (Date.now() - ms) / 1000 });
const UNDATED = { createdAtSeconds: undefined };
const voiceIds = () => [...here.elevenLabs.voices.keys()];
const deletions = () => here.asked().filter((request) => request.startsWith('deleteVoice'));

describe('a clone', () => {
  beforeEach(() => here.elevenLabs.putVoice('voice_1'));
  const deleteIt = () => deleteClone(here.context, here.work, SAMPLE_HASH);

  it('that nobody needs is deleted with its record, and the log says so', async () => {
    await here.records.putVoice(READY);
    await here.records.putConversation({ ended: true, answer: ANSWER });
    await deleteIt();
    expect(voiceIds()).toEqual([]);
    expect(await here.records.voice()).toBeUndefined();
    expect(here.log).toEqual([{ level: 'INFO', message: 'sweep', outcome: 'clone deleted', voice: 'voice_1' }]);
  });

  it('is marked for half a minute while it is being deleted, so that whoever wants it waits', async () => {
    await here.records.putVoice(READY);
    let during: unknown;
    here.elevenLabs.before = async () => {
      during = await here.records.voice();
    };
    await deleteIt();
    const claim = { by: 'us', until: Date.now() + 30_000 };
    expect(during).toEqual({ ...READY, state: 'deleting', claim });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['of a running conversation’s sample', () => here.records.putConversation()],
    [
      'that a running conversation was answered with',
      () => here.records.putConversation({ sample_sha256: OTHER_SAMPLE, answer: ANSWER }),
    ],
    ['that an agent may still have', () => here.records.putAgent({ set: SET })],
  ])('%s stays, ready for the next caller', async (_whose, use) => {
    await here.records.putVoice(READY);
    await here.records.putConversation({ ended: true, sample_sha256: OTHER_SAMPLE }, 'conv_0');
    await use();
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await here.records.voice()).toEqual(READY);
    expect(here.log).toEqual([]);
  });

  it('that the directory of callers names stays, ready for the next call', async () => {
    await here.records.putVoice(READY);
    await here.records.putConversation({ ended: true, answer: ANSWER });
    await deleteClone({ ...here.context, directoryVoices: async () => new Set(['voice_1']) }, here.work, SAMPLE_HASH);
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await here.records.voice()).toEqual(READY);
  });

  it('stays when nobody knows which voices the directory names', async () => {
    await here.records.putVoice(READY);
    const directoryVoices = async () => Promise.reject(new Error('no directory'));
    await expect(deleteClone({ ...here.context, directoryVoices }, here.work, SAMPLE_HASH)).rejects.toThrow();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('stays when a conversation with it begins just as it is marked', async () => {
    await here.records.putVoice(READY);
    here.beforeNext('upload', 'voices/', () => here.records.putConversation());
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('stays when its record has been changed since it was read', async () => {
    await here.records.putVoice(READY);
    here.beforeNext('upload', 'voices/', () => here.records.putVoice({ ...READY, cloned_at: 6 }));
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await here.records.voice()).toEqual({ ...READY, cloned_at: 6 });
  });

  it('is deleted although other records vanish while they are read', async () => {
    await here.records.putVoice(READY);
    await here.records.putConversation();
    await here.records.putAgent({ set: SET });
    here.beforeNext('download', 'conversations/', () => {
      here.vanish('conversations/');
      here.beforeNext('download', 'agents/', () => here.vanish('agents/'));
    });
    await deleteIt();
    expect(voiceIds()).toEqual([]);
  });

  it('without a record is left to the search for orphans', async () => {
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('that is being made is left alone, even by one who is dead', async () => {
    const cloning = { state: 'cloning', claim: { by: 'delivery', until: 0 } } as const;
    await here.records.putVoice(cloning);
    await deleteIt();
    expect(await here.records.voice()).toEqual(cloning);
    expect(here.asked()).toEqual([]);
  });

  it('that another sweep is deleting is left to that one, until it is dead', async () => {
    const deleting = { ...READY, state: 'deleting', claim: { by: 'sweep', until: Date.now() + 1 } } as const;
    await here.records.putVoice(deleting);
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await here.records.voice()).toEqual(deleting);
    vi.advanceTimersByTime(1);
    await deleteIt();
    expect(voiceIds()).toEqual([]);
    expect(await here.records.voice()).toBeUndefined();
  });

  it('that ElevenLabs fails to delete stays recorded for a later sweep', async () => {
    await here.records.putVoice(READY);
    here.elevenLabs.before = () => {
      throw elevenLabsError();
    };
    await expect(deleteIt()).rejects.toThrow('upstream_unavailable');
    expect(here.log).toEqual([]);
    here.elevenLabs.before = () => undefined;
    vi.advanceTimersByTime(30_000);
    await deleteIt();
    expect(voiceIds()).toEqual([]);
  });
});

describe('a voice of ours without a record', () => {
  const sweep = () => deleteOrphans(here.context, here.work);
  const old = () => madeBefore(16 * MINUTE_MS);
  const labels = { ...OURS, sample: SAMPLE_HASH.slice(0, 32) };
  const dead = { by: 'delivery', until: 0 };

  it('is deleted after 15 minutes and not before, and the log warns of it', async () => {
    here.elevenLabs.putVoice('voice_1', madeBefore(15 * MINUTE_MS));
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    vi.advanceTimersByTime(1);
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(here.log).toEqual([{ level: 'WARNING', message: 'sweep', outcome: 'orphan deleted', voice: 'voice_1' }]);
  });

  it('stays while the directory of callers names it', async () => {
    for (const id of ['voice_1', 'remembered']) here.elevenLabs.putVoice(id, old());
    await deleteOrphans({ ...here.context, directoryVoices: async () => new Set(['remembered']) }, here.work);
    expect(voiceIds()).toEqual(['remembered']);
  });

  it('that ElevenLabs refuses to delete keeps no other from being deleted, and the log says what failed', async () => {
    for (const id of ['voice_1', 'stubborn', 'voice_2']) here.elevenLabs.putVoice(id, old());
    here.elevenLabs.before = (request) => {
      if (request === 'deleteVoice stubborn') throw elevenLabsError({ reason: 'conflict', retryable: false });
    };
    await sweep();
    expect(voiceIds()).toEqual(['stubborn']);
    const problem = { level: 'WARNING', message: 'sweep', outcome: 'failed', what: 'orphan' };
    expect(here.log).toContainEqual({ ...problem, hint: expect.stringContaining('conflict') });
  });

  it('is not tried when ElevenLabs was away for the one before it', async () => {
    for (const id of ['voice_1', 'voice_2']) here.elevenLabs.putVoice(id, old());
    here.elevenLabs.before = (request) => {
      if (request === 'deleteVoice voice_1') throw elevenLabsError();
    };
    await expect(sweep()).rejects.toThrow('upstream_unavailable');
    expect(voiceIds()).toEqual(['voice_1', 'voice_2']);
    expect(here.log).toEqual([]);
  });

  it('is deleted when nobody knows how old it is', async () => {
    here.elevenLabs.putVoice('voice_1', UNDATED);
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it.each([
    ['of another installation', { labels: { ...OURS, installation: 'installation_2' } }],
    ['of another program', { labels: { ...OURS, made_by: 'somebody' } }],
    ['without labels', { labels: {} }],
    ['of another category', { category: 'professional' }],
  ])('and %s is never touched', async (_whose, other) => {
    here.elevenLabs.putVoice('voice_1', { ...old(), ...other });
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('that is young costs nothing but the search', async () => {
    await here.records.putVoice(READY);
    await here.records.putConversation();
    here.elevenLabs.putVoice('voice_2');
    const reads = here.watch('download');
    await sweep();
    expect(reads).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a clone’s record', () => here.records.putVoice(READY)],
    [
      'the record of a clone that is to be deleted',
      () => here.records.putVoice({ ...READY, state: 'deleting', claim: dead }),
    ],
    ['a running conversation', () => here.records.putConversation({ answer: ANSWER })],
    ['an agent’s record', () => here.records.putAgent({ set: SET })],
  ])('but in %s stays', async (_where, record) => {
    here.elevenLabs.putVoice('voice_1', old());
    here.elevenLabs.putVoice('voice_2', old());
    await record();
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('whose record vanishes meanwhile is deleted', async () => {
    here.elevenLabs.putVoice('voice_1', old());
    await here.records.putVoice(READY);
    here.beforeNext('download', 'voices/', () => here.vanish('voices/'));
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('stays while a delivery that is about to find it by its sample is alive', async () => {
    here.elevenLabs.putVoice('voice_1', { ...old(), labels });
    const cloning = { state: 'cloning', claim: { by: 'delivery', until: Date.now() + 1 } } as const;
    await here.records.putVoice(cloning);
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await here.records.voice()).toEqual(cloning);
  });

  it('is deleted with the record of a delivery that died before it found it', async () => {
    here.elevenLabs.putVoice('voice_1', { ...old(), labels });
    await here.records.putVoice({ state: 'cloning', claim: dead });
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(await here.records.voice()).toBeUndefined();
  });

  it('stays when another delivery takes over from the dead one', async () => {
    here.elevenLabs.putVoice('voice_1', { ...old(), labels });
    await here.records.putVoice({ state: 'cloning', claim: dead });
    const taken = { state: 'cloning', claim: { by: 'another', until: Date.now() + 1 } } as const;
    here.beforeNext('delete', 'voices/', () => here.records.putVoice(taken));
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await here.records.voice()).toEqual(taken);
  });

  it('and of another sample leaves the record of a dead delivery as it is', async () => {
    here.elevenLabs.putVoice('voice_1', { ...old(), labels: { ...OURS, sample: OTHER_SAMPLE.slice(0, 32) } });
    await here.records.putVoice({ state: 'cloning', claim: dead });
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(await here.records.voice()).toEqual({ state: 'cloning', claim: dead });
  });
});

describe('the reserve of free slots', () => {
  const reserve = () => keepReserve(here.context, here.work);
  /** Clones of samples of their own, each a minute older than the one before it. */
  async function putClones(...ids: string[]): Promise<void> {
    for (const [at, id] of ids.entries()) {
      here.elevenLabs.putVoice(id, madeBefore(at * MINUTE_MS));
      await here.records.putVoice({ ...READY, voice_id: id }, `sample_of_${id}`);
    }
  }

  it('costs the oldest clones, no more than are missing', async () => {
    await putClones('young', 'older', 'oldest');
    here.elevenLabs.voiceLimit = 3;
    await reserve();
    expect(deletions()).toEqual(['deleteVoice oldest', 'deleteVoice older']);
    expect(voiceIds()).toEqual(['young']);
    expect(here.log).not.toContainEqual(expect.objectContaining({ level: 'WARNING' }));
  });

  it('costs none that the directory of callers names', async () => {
    await putClones('young', 'older', 'oldest');
    here.elevenLabs.voiceLimit = 3;
    await keepReserve({ ...here.context, directoryVoices: async () => new Set(['oldest', 'older']) }, here.work);
    expect(voiceIds()).toEqual(['older', 'oldest']);
    expect(here.log).toContainEqual(expect.objectContaining({ outcome: 'reserve not reached', missing: 1 }));
  });

  it('costs first the clones of which nobody knows how old they are', async () => {
    await putClones('young', 'older');
    for (const id of ['unknown_1', 'unknown_2']) {
      here.elevenLabs.putVoice(id, UNDATED);
      await here.records.putVoice({ ...READY, voice_id: id }, `sample_of_${id}`);
    }
    here.elevenLabs.voiceLimit = 4;
    await reserve();
    expect(voiceIds()).toEqual(['young', 'older']);
  });

  it('costs nothing but a question while enough slots are free', async () => {
    await putClones('young', 'older');
    here.elevenLabs.voiceLimit = 4;
    await reserve();
    expect(here.asked()).toEqual(['getSubscription']);
  });

  it('is reached with the last clone, and nothing is reported', async () => {
    await putClones('only');
    here.elevenLabs.voiceLimit = 2;
    await reserve();
    expect(voiceIds()).toEqual([]);
    expect(here.log.map((line) => 'outcome' in line && line.outcome)).toEqual(['clone deleted']);
  });

  it('spares a clone in use, takes the next one, and the log says how many slots are missing', async () => {
    await putClones('young', 'used');
    await here.records.putConversation({ sample_sha256: 'sample_of_used' });
    here.elevenLabs.voiceLimit = 2;
    await reserve();
    expect(voiceIds()).toEqual(['used']);
    expect(here.log).toContainEqual({
      level: 'WARNING',
      message: 'sweep',
      outcome: 'reserve not reached',
      missing: 1,
      hint: 'All other voices are in use, not ours, or refused.',
    });
  });

  it('is reached with the next clone when ElevenLabs refuses to delete the oldest one', async () => {
    await putClones('young', 'stubborn');
    here.elevenLabs.voiceLimit = 3;
    here.elevenLabs.before = (request) => {
      if (request === 'deleteVoice stubborn') throw elevenLabsError({ reason: 'conflict', retryable: false });
    };
    await reserve();
    expect(voiceIds()).toEqual(['stubborn']);
    const problem = { level: 'WARNING', message: 'sweep', outcome: 'failed', what: 'clone' };
    expect(here.log).toContainEqual({ ...problem, hint: expect.stringContaining('conflict') });
    expect(here.log).not.toContainEqual(expect.objectContaining({ outcome: 'reserve not reached' }));
  });

  it('marks no further clone when ElevenLabs is away', async () => {
    await putClones('young', 'older');
    here.elevenLabs.voiceLimit = 2;
    here.elevenLabs.before = (request) => {
      if (request === 'deleteVoice older') throw elevenLabsError();
    };
    await expect(reserve()).rejects.toThrow('upstream_unavailable');
    expect(await here.records.voice('sample_of_young')).toMatchObject({ state: 'ready' });
  });

  it('ends with whatever fails besides ElevenLabs', async () => {
    await putClones('young', 'older');
    here.elevenLabs.voiceLimit = 2;
    here.elevenLabs.before = (request) => {
      if (request === 'deleteVoice older') throw new Error('a mistake');
    };
    await expect(reserve()).rejects.toThrow('a mistake');
  });

  it('never costs a voice that no record knows, or one that is not ours', async () => {
    here.elevenLabs.putVoice('unknown', UNDATED);
    here.elevenLabs.putVoice('foreign', { ...UNDATED, labels: {} });
    await here.records.putVoice({ ...READY, voice_id: 'foreign' });
    here.elevenLabs.voiceLimit = 2;
    await reserve();
    expect(voiceIds()).toEqual(['unknown', 'foreign']);
  });

  it('goes by what is recorded now: a clone that is being made or whose record vanishes is passed over', async () => {
    await putClones('young', 'gone');
    await here.records.putVoice({ state: 'cloning', claim: { by: 'delivery', until: 0 } });
    here.elevenLabs.voiceLimit = 3;
    here.beforeNext('download', 'sample_of_gone', () => here.vanish('sample_of_gone'));
    await reserve();
    expect(voiceIds()).toEqual(['gone']);
  });
});
