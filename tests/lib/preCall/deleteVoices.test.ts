import { beforeEach, describe, expect, it } from 'vitest';
import { deleteClone, deleteOrphans, keepReserve } from '../../../src/lib/preCall/deleteVoices.ts';
import { failed, lendWorld, MINUTE_MS, OURS, SAMPLE } from './lendWorld.ts';

const READY = { state: 'ready', voice_id: 'voice_1', cloned_at: 5 } as const;
const SET = [{ voice_id: 'voice_1', first_message_sha256: '' }];
const ANSWER = { voice_id: 'voice_1', cloned_at: 5, voice_reused: false, agent_updated: true };
const OTHER_SAMPLE = 'b'.repeat(64);

let on: ReturnType<typeof lendWorld>;
beforeEach(() => {
  on = lendWorld({ slotsReserve: 2 });
});
const voiceIds = () => [...on.elevenLabs.voices.keys()];
const isAt = (what: string) => on.elevenLabs.requests.filter((request) => request.startsWith(what));

describe('a clone', () => {
  beforeEach(() => on.elevenLabs.addVoice('voice_1', on.clock.ms));
  const deleteIt = () => deleteClone(on.world, on.work, SAMPLE);

  it('that nobody needs is deleted with its record, and the log says so', async () => {
    await on.records.putVoice(READY);
    await on.records.putConversation({ ended: true, answer: ANSWER });
    await deleteIt();
    expect(voiceIds()).toEqual([]);
    expect(await on.records.voice()).toBeUndefined();
    expect(on.lines).toEqual([{ level: 'INFO', message: 'sweep', outcome: 'clone deleted', voice: 'voice_1' }]);
  });

  it('is marked for half a minute while it is being deleted, so that whoever wants it waits', async () => {
    await on.records.putVoice(READY);
    let during: unknown;
    on.elevenLabs.before = async () => {
      during = await on.records.voice();
    };
    await deleteIt();
    const claim = { by: 'work_1', until: on.clock.ms + 30_000 };
    expect(during).toEqual({ ...READY, state: 'deleting', claim });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['of a running conversation’s sample', () => on.records.putConversation()],
    [
      'that a running conversation was answered with',
      () => on.records.putConversation({ sample_sha256: OTHER_SAMPLE, answer: ANSWER }),
    ],
    ['that an agent may still have', () => on.records.putAgent({ set: SET })],
  ])('%s stays, ready for the next caller', async (_whose, use) => {
    await on.records.putVoice(READY);
    await on.records.putConversation({ ended: true, sample_sha256: OTHER_SAMPLE }, 'conv_0');
    await use();
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await on.records.voice()).toEqual(READY);
    expect(on.lines).toEqual([]);
  });

  it('stays when a conversation with it begins just as it is marked', async () => {
    await on.records.putVoice(READY);
    on.records.before('upload', 'voices/', () => on.records.putConversation());
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('stays when its record has been changed since it was read', async () => {
    await on.records.putVoice(READY);
    on.records.before('upload', 'voices/', () => on.records.putVoice({ ...READY, cloned_at: 6 }));
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await on.records.voice()).toEqual({ ...READY, cloned_at: 6 });
  });

  it('is deleted although other records vanish while they are read', async () => {
    await on.records.putVoice(READY);
    await on.records.putConversation();
    await on.records.putAgent({ set: SET });
    on.records.before('download', 'conversations/', () => {
      on.records.vanish('conversations/');
      on.records.before('download', 'agents/', () => on.records.vanish('agents/'));
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
    await on.records.putVoice(cloning);
    await deleteIt();
    expect(await on.records.voice()).toEqual(cloning);
    expect(on.elevenLabs.requests).toEqual([]);
  });

  it('that another sweep is deleting is left to that one, until it is dead', async () => {
    const deleting = { ...READY, state: 'deleting', claim: { by: 'sweep', until: on.clock.ms + 1 } } as const;
    await on.records.putVoice(deleting);
    await deleteIt();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await on.records.voice()).toEqual(deleting);
    on.clock.ms += 1;
    await deleteIt();
    expect(voiceIds()).toEqual([]);
    expect(await on.records.voice()).toBeUndefined();
  });

  it('that ElevenLabs fails to delete stays recorded for a later sweep', async () => {
    await on.records.putVoice(READY);
    on.elevenLabs.before = () => {
      throw failed('upstream_unavailable');
    };
    await expect(deleteIt()).rejects.toThrow('upstream_unavailable');
    expect(on.lines).toEqual([]);
    on.elevenLabs.before = () => undefined;
    on.clock.ms += 30_000;
    await deleteIt();
    expect(voiceIds()).toEqual([]);
  });
});

describe('a voice of ours without a record', () => {
  const sweep = () => deleteOrphans(on.world, on.work);
  const old = () => on.clock.ms - 16 * MINUTE_MS;
  const labels = { ...OURS, sample: SAMPLE.slice(0, 32) };
  const dead = { by: 'delivery', until: 0 };

  it('is deleted after 15 minutes and not before, and the log warns of it', async () => {
    on.elevenLabs.addVoice('voice_1', on.clock.ms - 15 * MINUTE_MS);
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    on.clock.ms += 1;
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(on.lines).toEqual([{ level: 'WARNING', message: 'sweep', outcome: 'orphan deleted', voice: 'voice_1' }]);
  });

  it('that ElevenLabs fails to delete keeps no other from being deleted, and the log says what failed', async () => {
    for (const id of ['voice_1', 'stubborn', 'voice_2']) on.elevenLabs.addVoice(id, old());
    on.elevenLabs.before = (request) => {
      if (request === 'DELETE stubborn') throw failed('conflict');
    };
    await sweep();
    expect(voiceIds()).toEqual(['stubborn']);
    const problem = { level: 'WARNING', message: 'sweep', outcome: 'failed', what: 'orphan' };
    expect(on.lines).toContainEqual({ ...problem, hint: expect.stringContaining('conflict') });
  });

  it('is deleted when nobody knows how old it is', async () => {
    on.elevenLabs.addVoice('voice_1', undefined);
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it.each([
    ['of another installation', { labels: { ...OURS, installation: 'installation_2' } }],
    ['of another program', { labels: { ...OURS, made_by: 'somebody' } }],
    ['without labels', { labels: {} }],
    ['of another category', { category: 'professional' }],
  ])('and %s is never touched', async (_whose, other) => {
    on.elevenLabs.addVoice('voice_1', old(), other);
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('that is young costs nothing but the search', async () => {
    await on.records.putVoice(READY);
    await on.records.putConversation();
    on.elevenLabs.addVoice('voice_2', on.clock.ms);
    const reads = on.records.watch('download');
    await sweep();
    expect(reads).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a clone’s record', () => on.records.putVoice(READY)],
    [
      'the record of a clone that is to be deleted',
      () => on.records.putVoice({ ...READY, state: 'deleting', claim: dead }),
    ],
    ['a running conversation', () => on.records.putConversation({ answer: ANSWER })],
    ['an agent’s record', () => on.records.putAgent({ set: SET })],
  ])('but in %s stays', async (_where, record) => {
    on.elevenLabs.addVoice('voice_1', old());
    on.elevenLabs.addVoice('voice_2', old());
    await record();
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
  });

  it('whose record vanishes meanwhile is deleted', async () => {
    on.elevenLabs.addVoice('voice_1', old());
    await on.records.putVoice(READY);
    on.records.before('download', 'voices/', () => on.records.vanish('voices/'));
    await sweep();
    expect(voiceIds()).toEqual([]);
  });

  it('stays while a delivery that is about to find it by its sample is alive', async () => {
    on.elevenLabs.addVoice('voice_1', old(), { labels });
    const cloning = { state: 'cloning', claim: { by: 'delivery', until: on.clock.ms + 1 } } as const;
    await on.records.putVoice(cloning);
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await on.records.voice()).toEqual(cloning);
  });

  it('is deleted with the record of a delivery that died before it found it', async () => {
    on.elevenLabs.addVoice('voice_1', old(), { labels });
    await on.records.putVoice({ state: 'cloning', claim: dead });
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(await on.records.voice()).toBeUndefined();
  });

  it('stays when another delivery takes over from the dead one', async () => {
    on.elevenLabs.addVoice('voice_1', old(), { labels });
    await on.records.putVoice({ state: 'cloning', claim: dead });
    const taken = { state: 'cloning', claim: { by: 'another', until: on.clock.ms + 1 } } as const;
    on.records.before('delete', 'voices/', () => on.records.putVoice(taken));
    await sweep();
    expect(voiceIds()).toEqual(['voice_1']);
    expect(await on.records.voice()).toEqual(taken);
  });

  it('and of another sample leaves the record of a dead delivery as it is', async () => {
    on.elevenLabs.addVoice('voice_1', old(), { labels: { ...OURS, sample: OTHER_SAMPLE.slice(0, 32) } });
    await on.records.putVoice({ state: 'cloning', claim: dead });
    await sweep();
    expect(voiceIds()).toEqual([]);
    expect(await on.records.voice()).toEqual({ state: 'cloning', claim: dead });
  });
});

describe('the reserve of free slots', () => {
  const reserve = () => keepReserve(on.world, on.work);
  /** Clones of samples of their own, each a minute older than the one before it. */
  async function putClones(...ids: string[]): Promise<void> {
    for (const [at, id] of ids.entries()) {
      on.elevenLabs.addVoice(id, on.clock.ms - at * MINUTE_MS);
      await on.records.putVoice({ ...READY, voice_id: id }, `sample_of_${id}`);
    }
  }

  it('costs the oldest clones, no more than are missing', async () => {
    await putClones('young', 'older', 'oldest');
    on.elevenLabs.voiceLimit = 3;
    await reserve();
    expect(isAt('DELETE')).toEqual(['DELETE oldest', 'DELETE older']);
    expect(voiceIds()).toEqual(['young']);
    expect(on.lines).not.toContainEqual(expect.objectContaining({ level: 'WARNING' }));
  });

  it('costs first the clones of which nobody knows how old they are', async () => {
    await putClones('young', 'older');
    for (const id of ['unknown_1', 'unknown_2']) {
      on.elevenLabs.addVoice(id, undefined);
      await on.records.putVoice({ ...READY, voice_id: id }, `sample_of_${id}`);
    }
    on.elevenLabs.voiceLimit = 4;
    await reserve();
    expect(voiceIds()).toEqual(['young', 'older']);
  });

  it('costs nothing but a question while enough slots are free', async () => {
    await putClones('young', 'older');
    on.elevenLabs.voiceLimit = 4;
    await reserve();
    expect(on.elevenLabs.requests).toEqual(['SUBSCRIPTION']);
  });

  it('is reached with the last clone, and nothing is reported', async () => {
    await putClones('only');
    on.elevenLabs.voiceLimit = 2;
    await reserve();
    expect(voiceIds()).toEqual([]);
    expect(on.lines.map((line) => 'outcome' in line && line.outcome)).toEqual(['clone deleted']);
  });

  it('spares a clone in use, takes the next one, and the log says how many slots are missing', async () => {
    await putClones('young', 'used');
    await on.records.putConversation({ sample_sha256: 'sample_of_used' });
    on.elevenLabs.voiceLimit = 2;
    await reserve();
    expect(voiceIds()).toEqual(['used']);
    expect(on.lines).toContainEqual({
      level: 'WARNING',
      message: 'sweep',
      outcome: 'reserve not reached',
      missing: 1,
      hint: 'All other voices are in use or not ours.',
    });
  });

  it('is reached with the next clone when ElevenLabs fails to delete the oldest one', async () => {
    await putClones('young', 'stubborn');
    on.elevenLabs.voiceLimit = 3;
    on.elevenLabs.before = (request) => {
      if (request === 'DELETE stubborn') throw failed('conflict');
    };
    await reserve();
    expect(voiceIds()).toEqual(['stubborn']);
    const problem = { level: 'WARNING', message: 'sweep', outcome: 'failed', what: 'clone' };
    expect(on.lines).toContainEqual({ ...problem, hint: expect.stringContaining('conflict') });
    expect(on.lines).not.toContainEqual(expect.objectContaining({ outcome: 'reserve not reached' }));
  });

  it('never costs a voice that no record knows, or one that is not ours', async () => {
    on.elevenLabs.addVoice('unknown', undefined);
    on.elevenLabs.addVoice('foreign', undefined, { labels: {} });
    await on.records.putVoice({ ...READY, voice_id: 'foreign' });
    on.elevenLabs.voiceLimit = 2;
    await reserve();
    expect(voiceIds()).toEqual(['unknown', 'foreign']);
  });

  it('goes by what is recorded now: a clone that is being made or whose record vanishes is passed over', async () => {
    await putClones('young', 'gone');
    await on.records.putVoice({ state: 'cloning', claim: { by: 'delivery', until: 0 } });
    on.elevenLabs.voiceLimit = 3;
    on.records.before('download', 'sample_of_gone', () => on.records.vanish('sample_of_gone'));
    await reserve();
    expect(voiceIds()).toEqual(['gone']);
  });
});
