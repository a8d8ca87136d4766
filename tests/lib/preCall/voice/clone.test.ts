import { beforeEach, describe, expect, it } from 'vitest';
import type { Voice } from '../../../../src/lib/elevenlabs/schemas.ts';
import { CloningError } from '../../../../src/lib/preCall/errors.ts';
import { type Lock, type VoiceState, voices } from '../../../../src/lib/preCall/state/records.ts';
import { type CloneRequest, cloneOnce } from '../../../../src/lib/preCall/voice/clone.ts';
import { addVoiceError, elevenLabsError, OURS } from '../fakeElevenLabs.ts';
import { type MemoryContext, memoryContext, SAMPLE, SAMPLE_BYTES, SAMPLE_HASH } from '../memoryContext.ts';
import { failureOf, settle, stopTime, timeFor } from '../stoppedTime.ts';

beforeEach(stopTime);

const OUR_LOCK: Lock = { by: 'us', conversation: 'conv_1' };
const THEIR_LOCK: Lock = { by: 'them', conversation: 'conv_2' };
const LABELS = { ...OURS, sample: SAMPLE_HASH.slice(0, 32) };

let here: MemoryContext;
beforeEach(() => {
  here = memoryContext();
});

const requestNow = (): CloneRequest => ({
  conversation: 'conv_1',
  caller: { name: 'Ivan' },
  sample: SAMPLE,
  sampleBytes: SAMPLE_BYTES,
  sampleHash: SAMPLE_HASH,
  expiresAt: Date.now() + 900_999,
  lock: OUR_LOCK,
});
const cloning = () => cloneOnce(here.context, here.work, requestNow());
const ready = (voice_id: string, cloned_at = 1_700_000_000_000): VoiceState => ({
  state: 'ready',
  voice_id,
  cloned_at,
});

/** A voice at ElevenLabs, by default a clone of our sample. */
function voice(voiceId: string, { labels = {}, ...more }: Partial<Voice> = {}): void {
  here.elevenLabs.putVoice(voiceId, { ...more, labels: { ...LABELS, ...labels } });
}

/** Runs before or after the next `count` clone calls. */
function atAddVoice(when: 'before' | 'after', action: () => unknown, count = 1): void {
  let left = count;
  here.elevenLabs[when] = async (request) => {
    if (request === 'addVoice' && left-- > 0) await action();
  };
}

const fail = (error: Error) => () => {
  throw error;
};

/** How long after the one before each request to ElevenLabs began. */
const gaps = () => here.elevenLabs.asked.map(({ atMs }, at, all) => atMs - (all[at - 1]?.atMs ?? atMs));

describe('a sample that nobody has cloned', () => {
  it('is cloned under the name of the caller and the time, with labels by which it is found again', async () => {
    const request = requestNow();
    const clone = await timeFor(cloneOnce(here.context, here.work, request));
    expect(clone).toEqual({
      voiceId: 'voice_1',
      name: 'Ivan_Clone_20251210_123456',
      clonedAt: Date.now(),
      isReused: false,
    });
    const labels = { ...LABELS, conversation: 'conv_1', expires_at: String(Math.floor(request.expiresAt / 1000)) };
    const file = { sample: SAMPLE_BYTES, fileName: 'sample.wav', contentType: 'audio/wav' };
    expect(here.elevenLabs.added).toEqual([{ name: 'Ivan_Clone_20251210_123456', ...file, labels }]);
    expect(here.asked()).toEqual(['addVoice']);
  });

  it('is recorded as being cloned before ElevenLabs is asked, and as ready afterwards', async () => {
    let meanwhile: VoiceState | undefined;
    atAddVoice('before', async () => {
      meanwhile = await here.records.voice();
    });
    await timeFor(cloning());
    expect(meanwhile).toEqual({ state: 'cloning', claim: OUR_LOCK });
    expect(await here.records.voice()).toEqual(ready('voice_1', Date.now()));
  });
});

describe('a sample with a clone', () => {
  it('gets it again, and nothing is cloned', async () => {
    voice('voice_old', { name: 'as the operator calls it' });
    await here.records.putVoice(ready('voice_old'));
    const clone = {
      voiceId: 'voice_old',
      name: 'as the operator calls it',
      clonedAt: 1_700_000_000_000,
      isReused: true,
    };
    expect(await timeFor(cloning())).toEqual(clone);
    expect(here.asked()).toEqual(['getVoice voice_old']);
  });

  it('that is gone at ElevenLabs gets a new one without looking for others', async () => {
    await here.records.putVoice(ready('voice_old'));
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', isReused: false });
    expect(await here.records.voice()).toMatchObject({ state: 'ready', voice_id: 'voice_1' });
    expect(here.asked()).toEqual(['getVoice voice_old', 'addVoice']);
  });

  it.each([
    ['ElevenLabs cannot be asked for it', elevenLabsError()],
    ['something else than ElevenLabs says not found', Object.assign(new Error('no host'), { reason: 'not_found' })],
  ])('keeps it when %s', async (_name, error) => {
    voice('voice_old');
    await here.records.putVoice(ready('voice_old'));
    here.elevenLabs.before = fail(error);
    expect(await failureOf(cloning())).toMatchObject({ status: 503, code: 'upstream_unavailable', cause: error });
    expect(await here.records.voice()).toEqual(ready('voice_old'));
    expect(here.asked()).toEqual(['getVoice voice_old']);
  });
});

describe('a sample that somebody else is cloning', () => {
  it('gets their clone as soon as there is one', async () => {
    await here.records.putAtWork('conv_2', 'them');
    await here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK });
    setTimeout(async () => {
      voice('voice_theirs');
      await here.records.putVoice(ready('voice_theirs'));
    }, 5_000);
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_theirs', isReused: true });
    expect(here.asked()).toEqual(['getVoice voice_theirs']);
  });

  it('is left to them until the deadline', async () => {
    await here.records.putAtWork('conv_2', 'them');
    await here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK });
    setTimeout(here.work.end, 5_000);
    const error = await failureOf(cloning());
    expect(error).toBeInstanceOf(CloningError);
    expect(error).toMatchObject({ status: 503, code: 'upstream_unavailable', cause: here.work.signal.reason });
    expect(String(error)).toContain('still in progress');
    expect(await here.records.voice()).toEqual({ state: 'cloning', claim: THEIR_LOCK });
    expect(here.asked()).toEqual([]);
  });

  it('is cloned by us when they give up', async () => {
    await here.records.putAtWork('conv_2', 'them');
    const theirs = await here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK });
    setTimeout(() => here.state.remove(voices, theirs), 1_000);
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', isReused: false });
    expect(here.asked()).toEqual(['addVoice']);
  });
});

describe('a sample that somebody was cloning who is no longer at work', () => {
  beforeEach(async () => {
    await here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK });
  });

  it('gets the clone that they left behind', async () => {
    voice('voice_theirs', { createdAtSeconds: 1_699_999_999, name: 'as they called it' });
    const clone = {
      voiceId: 'voice_theirs',
      name: 'as they called it',
      clonedAt: 1_699_999_999_000,
      isReused: false,
    };
    expect(await timeFor(cloning())).toEqual(clone);
    expect(await here.records.voice()).toEqual(ready('voice_theirs', 1_699_999_999_000));
    expect(here.asked()).toEqual(['findVoices']);
  });

  it('gets a new one after a single look when they left none', async () => {
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', isReused: false });
    expect(here.asked()).toEqual(['findVoices', 'addVoice']);
  });

  it.each<[string, Partial<Voice>]>([
    ['of another sample', { labels: { sample: 'f'.repeat(32) } }],
    ['of another installation', { labels: { installation: 'installation_2' } }],
    ['made by another program', { labels: { made_by: 'another' } }],
    ['that is not a clone', { category: 'generated' }],
  ])('never gets a voice %s', async (_name, more) => {
    voice('voice_else', more);
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1' });
    expect([...here.elevenLabs.voices.keys()]).toEqual(['voice_else', 'voice_1']);
  });

  it.each<[string, (number | undefined)[], number]>([
    ['comes first', [100, 200, 150], 0],
    ['comes last', [200, 150, 100], 2],
    ['has no time, as older ones have none, and comes first', [undefined, 200, 100], 0],
    ['has no time, as older ones have none, and comes last', [200, 100, undefined], 2],
  ])('gets the oldest of several, when that %s', async (_name, times, oldest) => {
    for (const [at, createdAtSeconds] of times.entries()) voice(`voice_${at}`, { createdAtSeconds });
    expect(await timeFor(cloning())).toMatchObject({ voiceId: `voice_${oldest}` });
    expect(here.asked()).toEqual(['findVoices']);
  });

  it('counts a found clone without a time as cloned now', async () => {
    voice('voice_old', { createdAtSeconds: undefined });
    expect(await timeFor(cloning())).toMatchObject({ clonedAt: Date.now() });
  });

  it('is taken over by one of two who come at once, and the other waits', async () => {
    await here.records.putAtWork('conv_3', 'third');
    let uploads = 0;
    here.storage.before = async (operation) => {
      // The first one finds the record standing, the second one is to take it over.
      if (operation !== 'upload' || ++uploads !== 2) return;
      await here.records.putVoice({ state: 'cloning', claim: { by: 'third', conversation: 'conv_3' } });
      setTimeout(async () => {
        voice('voice_third');
        await here.records.putVoice(ready('voice_third'));
      }, 1_000);
    };
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_third', isReused: true });
    expect(here.asked()).toEqual(['getVoice voice_third']);
  });

  it('is not cloned when ElevenLabs cannot be asked what they left', async () => {
    here.elevenLabs.before = fail(elevenLabsError());
    expect(await failureOf(cloning())).toMatchObject({ status: 503 });
    expect(here.asked()).toEqual(['findVoices']);
    expect(await here.records.voice()).toEqual({ state: 'cloning', claim: OUR_LOCK });
  });
});

describe('a sample whose clone the sweep', () => {
  const deleting = (until: number): VoiceState => ({
    state: 'deleting',
    claim: { by: 'sweep', until },
    voice_id: 'voice_old',
    cloned_at: 1_700_000_000_000,
  });

  it('is deleting gets a new one when it is deleted', async () => {
    voice('voice_old');
    const marked = await here.records.putVoice(deleting(Date.now() + 30_000));
    setTimeout(() => {
      here.elevenLabs.voices.delete('voice_old');
      return here.state.remove(voices, marked);
    }, 2_000);
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', isReused: false });
  });

  it('was deleting when it died keeps it if it is still there', async () => {
    voice('voice_old');
    await here.records.putVoice(deleting(Date.now()));
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_old' });
    expect(await here.records.voice()).toMatchObject({ state: 'ready', voice_id: 'voice_old' });
    expect(here.asked()).toEqual(['findVoices']);
  });
});

describe('a clone call that ElevenLabs refuses', () => {
  it('for good is not repeated, and the next delivery begins afresh', async () => {
    const error = addVoiceError('refused', { reason: 'invalid_audio', status: 400, retryable: false });
    atAddVoice('before', fail(error));
    expect(await failureOf(cloning())).toMatchObject({ status: 422, code: 'invalid_audio', cause: error });
    expect(here.asked()).toEqual(['addVoice']);
    expect(await here.records.voice()).toBeUndefined();
  });

  it('for now is repeated when ElevenLabs says, without looking for a clone that cannot be', async () => {
    atAddVoice('before', fail(addVoiceError('refused', { status: 429, retryAfterSeconds: 5 })));
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', clonedAt: Date.now() });
    expect(here.asked()).toEqual(['addVoice', 'addVoice']);
    expect(gaps()).toEqual([0, 5_000]);
  });

  it('for now is repeated after growing waits, and given up after the third time', async () => {
    const error = addVoiceError('refused', { status: 429 });
    atAddVoice('before', fail(error), 9);
    expect(await failureOf(cloning())).toMatchObject({ status: 503, cause: error });
    expect(here.asked()).toEqual(['addVoice', 'addVoice', 'addVoice']);
    const [, first = 0, second = 0] = gaps();
    expect(first).toBeGreaterThanOrEqual(1_000);
    expect(second).toBeGreaterThan(first);
    expect(await here.records.voice()).toEqual({ state: 'cloning', claim: OUR_LOCK });
  });

  it.each([10_000, 9_999])(
    'is not repeated after a wait as long as the %i ms that are left, or longer',
    async (leftMs) => {
      const error = addVoiceError('refused', { status: 429, retryAfterSeconds: 10 });
      atAddVoice('before', fail(error));
      const started = Date.now();
      const short = { ...here.work, endsAtMs: performance.now() + leftMs };
      const failure = await failureOf(cloneOnce(here.context, short, requestNow()));
      expect(failure).toMatchObject({ status: 503, cause: error, retryAfterSeconds: 10 });
      expect(Date.now()).toBe(started);
    },
  );

  it('is repeated after a wait that ends before the deadline', async () => {
    atAddVoice('before', fail(addVoiceError('refused', { status: 429, retryAfterSeconds: 10 })));
    const short = { ...here.work, endsAtMs: performance.now() + 10_001 };
    expect(await timeFor(cloneOnce(here.context, short, requestNow()))).toMatchObject({ voiceId: 'voice_1' });
  });
});

describe('a clone call of which nobody knows what became', () => {
  it.each([
    ['the answer is lost', addVoiceError('unknown')],
    ['the answer is unreadable', addVoiceError('unknown', { reason: 'unexpected_answer', retryable: false })],
  ])('ends in the clone that it has made when %s', async (_name, error) => {
    atAddVoice('after', fail(error));
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', isReused: false });
    expect(here.asked()).toEqual(['addVoice', 'findVoices']);
    expect(await here.records.voice()).toMatchObject({ state: 'ready', voice_id: 'voice_1' });
  });

  it('is repeated at once after a third look in vain, the looks being well apart', async () => {
    atAddVoice('before', fail(addVoiceError('unknown')));
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1', clonedAt: Date.now() });
    expect(here.asked()).toEqual(['addVoice', 'findVoices', 'findVoices', 'findVoices', 'addVoice']);
    const [, ...between] = gaps();
    for (const gap of between.slice(0, 3)) expect(gap).toBeGreaterThanOrEqual(500);
    expect(between[3]).toBe(0);
  });

  it('ends in its clone even when ElevenLabs lists that only at the third look', async () => {
    let made: Voice | undefined;
    let looks = 0;
    here.elevenLabs.before = (request) => {
      if (request === 'findVoices' && ++looks === 3 && made !== undefined) voice(made.voiceId, made);
    };
    atAddVoice('after', () => {
      made = here.elevenLabs.voices.get('voice_1');
      here.elevenLabs.voices.clear();
      throw addVoiceError('unknown');
    });
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1' });
    expect(here.elevenLabs.added).toHaveLength(1);
  });

  it('because the deadline has passed fails with what became of it, and the next delivery looks first', async () => {
    const error = addVoiceError('unknown');
    atAddVoice('after', () => {
      here.work.end();
      throw error;
    });
    expect(await failureOf(cloning())).toMatchObject({ status: 503, cause: error });
    const next = cloneOnce(here.context, here.workBy('next'), { ...requestNow(), lock: THEIR_LOCK });
    expect(await timeFor(next)).toMatchObject({ voiceId: 'voice_1' });
    expect(here.elevenLabs.added).toHaveLength(1);
  });

  it('is not repeated when the deadline passes during the wait', async () => {
    atAddVoice('before', fail(addVoiceError('unknown', { retryAfterSeconds: 20 })));
    setTimeout(here.work.end, 10_000);
    expect(await failureOf(cloning())).toMatchObject({ status: 503, cause: here.work.signal.reason });
    expect(here.asked()).toEqual(['addVoice']);
  });

  it('is not looked for any more when the deadline passes between two looks', async () => {
    atAddVoice('before', fail(addVoiceError('unknown')));
    const seen = here.elevenLabs.before;
    here.elevenLabs.before = async (request) => {
      await seen(request);
      if (request === 'findVoices') setTimeout(here.work.end, 1);
    };
    expect(await failureOf(cloning())).toMatchObject({ status: 503 });
    expect(here.asked()).toEqual(['addVoice', 'findVoices']);
  });
});

describe('a clone that requires verification', () => {
  it.each([
    ['is deleted again', () => undefined],
    ['is left to the sweep when it cannot be deleted', fail(elevenLabsError())],
  ])('is not used: it %s, and no other is made', async (_name, atDeletion) => {
    here.elevenLabs.requiresVerification = true;
    here.elevenLabs.after = (request) => (request === 'deleteVoice voice_1' ? atDeletion() : undefined);
    const error = await failureOf(cloning());
    expect(error).toMatchObject({ status: 422, code: 'requires_verification' });
    expect(error).toMatchObject({
      message: expect.stringContaining('verified'),
      hint: expect.stringContaining('deleted'),
    });
    expect(here.asked()).toEqual(['addVoice', 'deleteVoice voice_1']);
    expect(here.elevenLabs.voices.size).toBe(0);
    expect(await here.records.voice()).toBeUndefined();
  });
});

describe('a lock that was taken over while we were cloning', () => {
  const whileCloning = (action: () => Promise<unknown>) => atAddVoice('after', action);

  it('by somebody who found our clone leaves it to both', async () => {
    whileCloning(() => here.records.putVoice(ready('voice_1', 1_700_000_000_000)));
    const name = 'Ivan_Clone_20251210_123456';
    const clone = { voiceId: 'voice_1', name, clonedAt: 1_700_000_000_000, isReused: false };
    expect(await timeFor(cloning())).toEqual(clone);
    expect(here.asked()).toEqual(['addVoice']);
  });

  it.each([
    ['', () => undefined],
    [', also when ours cannot be deleted', fail(elevenLabsError())],
  ])('by somebody who made another costs ours%s', async (_name, atDeletion) => {
    whileCloning(async () => {
      voice('voice_theirs');
      await here.records.putVoice(ready('voice_theirs'));
      here.elevenLabs.before = (request) => (request === 'deleteVoice voice_1' ? atDeletion() : undefined);
    });
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_theirs', isReused: true });
    expect(here.asked()).toEqual(['addVoice', 'deleteVoice voice_1', 'getVoice voice_theirs']);
    expect(await here.records.voice()).toEqual(ready('voice_theirs'));
  });

  it('by somebody who is at work costs ours, and their clone is waited for', async () => {
    await here.records.putAtWork('conv_2', 'them');
    whileCloning(() => here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK }));
    const waiting = cloning();
    await settle();
    expect(here.asked()).toEqual(['addVoice']);
    voice('voice_theirs');
    await here.records.putVoice(ready('voice_theirs'));
    expect(await timeFor(waiting)).toMatchObject({ voiceId: 'voice_theirs', isReused: true });
    expect(here.asked()).toEqual(['addVoice', 'deleteVoice voice_1', 'getVoice voice_theirs']);
  });

  it('by somebody who is at work and finds ours leaves it to both', async () => {
    await here.records.putAtWork('conv_2', 'them');
    whileCloning(() => here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK }));
    const waiting = cloning();
    await settle();
    await here.records.putVoice(ready('voice_1', 1_700_000_000_000));
    expect(await timeFor(waiting)).toMatchObject({ voiceId: 'voice_1', clonedAt: 1_700_000_000_000, isReused: false });
    expect(here.asked()).toEqual(['addVoice']);
  });

  it('by somebody who has died is taken back, and ours is found', async () => {
    whileCloning(() => here.records.putVoice({ state: 'cloning', claim: THEIR_LOCK }));
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_1' });
    expect(here.asked()).toEqual(['addVoice', 'findVoices']);
    expect(await here.records.voice()).toMatchObject({ state: 'ready', voice_id: 'voice_1' });
  });

  it('by somebody who has given up costs ours, and a new one is made', async () => {
    whileCloning(async () => {
      const standing = await here.state.read(voices, SAMPLE_HASH);
      if (standing !== undefined) await here.state.remove(voices, standing);
    });
    expect(await timeFor(cloning())).toMatchObject({ voiceId: 'voice_2' });
    expect([...here.elevenLabs.voices.keys()]).toEqual(['voice_2']);
  });
});
