import { beforeEach, describe, expect, it, vi } from 'vitest';
import { HeldLock, lockConversation } from '../../../src/lib/preCall/conversationLock.ts';
import type { Conversation } from '../../../src/lib/preCall/state/records.ts';
import type { StateRecord } from '../../../src/lib/storage/stateStore.ts';
import { type MemoryContext, memoryContext, REQUEST, SAMPLE_HASH } from './memoryContext.ts';
import { failureOf, MINUTE_MS, settle, stopTime, timeFor } from './stoppedTime.ts';

beforeEach(stopTime);

const CLONE = { voiceId: 'voice_1', name: 'Ivan', clonedAt: 1_700_000_000_000, isReused: true };
const ANSWER = { voice_id: 'voice_1', cloned_at: 1_700_000_000_000, voice_reused: true, agent_updated: false };

let here: MemoryContext;
beforeEach(() => {
  here = memoryContext({ leaseMs: 600_000 });
});

const locking = (by = here.work, { agentId = 'agent_1', sample = SAMPLE_HASH } = {}) =>
  lockConversation(here.context, by, { ...REQUEST, agentId }, { sampleHash: sample });
/** The same conversation id for something else. */
const OTHER_CALLS: [string, { agentId?: string; sample?: string }][] = [
  ['another agent', { agentId: 'agent_2' }],
  ['another sample', { sample: 'another' }],
  ['another agent and another sample', { agentId: 'agent_2', sample: 'another' }],
];
const remove = () => here.vanish('conversations/');

/** Changes the record as somebody else would, whatever it is. */
async function change(more: Partial<Conversation>): Promise<void> {
  const record = await here.records.conversation();
  if (record === undefined) throw new Error('There is no record');
  await here.records.putConversation({ ...record, ...more });
}

describe('a conversation that nobody has locked', () => {
  it('is ours, with all that others need to know', async () => {
    const { value } = await timeFor(locking());
    expect(value).toEqual({
      agent_id: 'agent_1',
      sample_sha256: SAMPLE_HASH,
      expires_at: Date.now() + 600_000,
      claim: { by: 'us', until: expect.any(Number) },
      answer: null,
      ended: false,
    });
    expect(value.claim?.until).toBeGreaterThan(Date.now());
    expect(await here.records.conversation()).toEqual(value);
  });
});

describe('a conversation that another delivery is at work on', () => {
  it('is waited for, and gives its answer', async () => {
    await here.records.putAtWork('conv_1', 'them');
    setTimeout(() => change({ claim: null, answer: ANSWER }), 2_000);
    expect((await timeFor(locking())).value).toMatchObject({ answer: ANSWER, claim: null });
  });

  it('is ours when that one gives up', async () => {
    await here.records.putAtWork('conv_1', 'them');
    setTimeout(remove, 2_000);
    expect((await timeFor(locking())).value.claim).toMatchObject({ by: 'us' });
  });

  it('is ours soon after that one has died, with a lease from then on', async () => {
    const died = Date.now();
    await timeFor(locking(here.workBy('them')));
    const { value } = await timeFor(locking());
    expect(value).toMatchObject({ claim: { by: 'us' }, expires_at: Date.now() + 600_000 });
    expect(await here.records.conversation()).toEqual(value);
    expect(Date.now() - died).toBeGreaterThan(5_000);
    expect(Date.now() - died).toBeLessThan(10_000);
  });

  it.each(OTHER_CALLS)('is refused at once to %s, and stays as it is', async (_name, other) => {
    await here.records.putAtWork('conv_1', 'them');
    const before = await here.records.conversation();
    const writes = here.watch('upload');
    expect(await failureOf(locking(here.work, other))).toMatchObject({ status: 409, code: 'conversation_conflict' });
    expect(writes).toHaveLength(1); // which found the record standing
    expect(await here.records.conversation()).toEqual(before);
  });

  it.each(OTHER_CALLS)('is free for %s soon after that one has died', async (_name, other) => {
    await timeFor(locking(here.workBy('them')));
    await vi.advanceTimersByTimeAsync(10_000);
    const { value } = await timeFor(locking(here.work, other));
    expect(value).toMatchObject({ claim: { by: 'us' }, agent_id: other.agentId ?? 'agent_1' });
    expect(value.sample_sha256).toBe(other.sample ?? SAMPLE_HASH);
  });

  it('is refused to who has waited when that one gives up and another call comes first', async () => {
    await here.records.putAtWork('conv_1', 'them');
    setTimeout(
      () => change({ sample_sha256: 'another', claim: { by: 'third', until: Date.now() + MINUTE_MS } }),
      2_000,
    );
    expect(await failureOf(locking())).toMatchObject({ status: 409 });
  });

  it('is left to it until the deadline, and the failure does not blame ElevenLabs', async () => {
    await here.records.putAtWork('conv_1', 'them');
    setTimeout(here.work.end, 2_000);
    const message = expect.not.stringContaining('ElevenLabs');
    const hint = expect.stringContaining('held the lock of the conversation until the deadline');
    expect(await failureOf(locking())).toMatchObject({ status: 503, message, hint });
    expect(await here.records.conversation()).toMatchObject({ claim: { by: 'them' } });
  });
});

describe('a conversation with an answer', () => {
  it.each([null, { by: 'them', until: 0 }])('keeps it, with the lock %j', async (claim) => {
    await here.records.putConversation({ claim, answer: ANSWER });
    expect((await timeFor(locking())).value).toMatchObject({ claim, answer: ANSWER });
    expect(await here.records.conversation()).toMatchObject({ claim, answer: ANSWER });
  });
});

describe('a conversation with an answer to another call', () => {
  it.each(OTHER_CALLS)('is refused to %s, also when the call is over', async (_name, other) => {
    for (const ended of [false, true]) {
      await here.records.putConversation({ claim: null, answer: ANSWER, ended });
      expect(await failureOf(locking(here.work, other))).toMatchObject({ status: 409 });
      expect(await here.records.conversation()).toMatchObject({ answer: ANSWER, ended });
    }
  });
});

describe('a conversation without an answer that nobody is at work on any more', () => {
  it.each([['the same call', {}], ...OTHER_CALLS])(
    'is ours for %s, and runs again when the sweep had ended it',
    async (_name, call) => {
      await here.records.putConversation({ claim: null, ended: true });
      expect((await timeFor(locking(here.work, call))).value).toMatchObject({ claim: { by: 'us' }, ended: false });
    },
  );

  it('is taken by one of two who come at once, and gives both of them the same answer', async () => {
    await here.records.putConversation({ claim: null });
    let writes = 0;
    here.storage.before = async (operation) => {
      // The first one finds the record standing, the second one is to take it over.
      if (operation !== 'upload' || ++writes !== 2) return;
      await change({ claim: { by: 'third', until: Date.now() + MINUTE_MS } });
      setTimeout(() => change({ claim: null, answer: ANSWER }), 1_000);
    };
    expect((await timeFor(locking())).value).toMatchObject({ answer: ANSWER });
  });
});

describe('a held lock', () => {
  let record: StateRecord<Conversation>;
  let held: HeldLock;
  beforeEach(async () => {
    record = await locking();
    held = new HeldLock(here.context, here.work, record);
  });

  it('keeps other deliveries waiting as long as its own is at work, and changes nothing else', async () => {
    const other = here.workBy('them');
    setTimeout(other.end, MINUTE_MS);
    expect(await failureOf(locking(other))).toMatchObject({ status: 503 });
    expect(await here.records.conversation()).toEqual({
      ...record.value,
      claim: { by: 'us', until: expect.any(Number) },
    });
  });

  it('survives a heartbeat that cannot be written', async () => {
    here.beforeNext('upload', '', async () => {
      throw new Error('storage is away');
    });
    await vi.advanceTimersToNextTimerAsync();
    expect(await here.records.conversation()).toEqual(record.value);
    const other = here.workBy('them');
    setTimeout(other.end, MINUTE_MS);
    expect(await failureOf(locking(other))).toMatchObject({ status: 503 });
    await held.answer(CLONE, true);
    expect(await here.records.conversation()).toMatchObject({ answer: { voice_id: 'voice_1' } });
  });

  it('ends with the answer, which is for all later deliveries', async () => {
    await held.answer(CLONE, false);
    expect(await here.records.conversation()).toEqual({ ...record.value, claim: null, answer: ANSWER });
    expect((await timeFor(locking(here.workBy('them')))).value.answer).toEqual(ANSWER);
  });

  it.each([true, false])('answers whether the voice was reused and the agent updated: %s', async (is) => {
    await held.answer({ ...CLONE, isReused: is }, !is);
    expect((await here.records.conversation())?.answer).toEqual({ ...ANSWER, voice_reused: is, agent_updated: !is });
  });

  it.each([
    ['the answer', () => held.answer(CLONE, false)],
    ['giving up', () => held.giveUp()],
  ])('gives no heartbeat after %s', async (_name, end) => {
    await end();
    const asked = vi.fn();
    here.storage.before = asked;
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(asked).not.toHaveBeenCalled();
  });

  it('lets the next delivery begin at once when it is given up', async () => {
    await held.giveUp();
    expect(await here.records.conversation()).toBeUndefined();
  });

  describe.each([
    ['the answer', async () => void (await held.answer(CLONE, false)), { claim: null, answer: ANSWER }],
    ['giving up', () => held.giveUp(), undefined],
  ])('with a heartbeat under way when %s comes', (_name, end, expected) => {
    it('waits until it is written', async () => {
      const { promise: written, resolve: write } = Promise.withResolvers<void>();
      here.beforeNext('upload', '', () => written);
      await vi.advanceTimersToNextTimerAsync();
      const ending = end();
      await settle();
      expect(await here.records.conversation()).toEqual(record.value);
      write();
      await timeFor(ending);
      expect(await here.records.conversation()).toEqual(expected && { ...record.value, ...expected });
    });
  });

  it('answers although a heartbeat was written whose answer was lost', async () => {
    here.beforeNext('upload', '', async () => {
      await change({ claim: { by: 'us', until: Date.now() + MINUTE_MS } });
      throw new Error('the answer was lost');
    });
    await vi.advanceTimersToNextTimerAsync();
    await held.answer(CLONE, false);
    expect(await here.records.conversation()).toEqual({ ...record.value, claim: null, answer: ANSWER });
  });

  it.each<[string, Partial<Conversation>]>([
    ['has taken it over and died', { claim: { by: 'them', until: 0 } }],
    ['has answered', { claim: null, answer: { ...ANSWER, voice_id: 'voice_theirs' } }],
    ['has ended it', { claim: null, ended: true }],
  ])('changes nothing when somebody else %s', async (_name, theirs) => {
    await change(theirs);
    await held.answer(CLONE, false);
    expect(await here.records.conversation()).toEqual({ ...record.value, ...theirs });
  });

  it('takes the answer of the one that has taken it over, and waits for it', async () => {
    const theirs = { ...ANSWER, voice_id: 'voice_theirs' };
    await change({ claim: { by: 'them', until: 9e15 } });
    const answering = held.answer(CLONE, false);
    await settle();
    await change({ claim: null, answer: theirs });
    expect(await timeFor(answering)).toEqual(theirs);
  });

  it.each<[string, Partial<Conversation>]>([
    ['has taken it over', { sample_sha256: 'another', claim: { by: 'them', until: 9e15 } }],
    ['has answered it', { agent_id: 'agent_2', claim: null, answer: { ...ANSWER, voice_id: 'voice_theirs' } }],
  ])('gives no answer when meanwhile another call %s', async (_name, theirs) => {
    await change(theirs);
    expect(await failureOf(held.answer(CLONE, false))).toMatchObject({ status: 409, code: 'conversation_conflict' });
    await held.giveUp();
    expect(await here.records.conversation()).toEqual({ ...record.value, ...theirs });
  });

  it('is not written again when somebody else takes it over in the middle of the answer', async () => {
    await change({ expires_at: 1 });
    let writes = 0;
    here.storage.before = async (operation) => {
      if (operation !== 'upload' || ++writes !== 2) return;
      await change({ claim: { by: 'them', until: 9e15 } });
    };
    await held.answer(CLONE, false);
    expect(await here.records.conversation()).toMatchObject({ claim: { by: 'them' }, answer: null });
  });

  it('is given up although a heartbeat was written whose answer was lost', async () => {
    here.beforeNext('upload', '', async () => {
      await change({ claim: { by: 'us', until: Date.now() + MINUTE_MS } });
      throw new Error('the answer was lost');
    });
    await vi.advanceTimersToNextTimerAsync();
    await held.giveUp();
    expect(await here.records.conversation()).toBeUndefined();
  });

  it('leaves a record alone that somebody else has taken over when it is given up', async () => {
    await change({ claim: { by: 'them', until: 9e15 } });
    await held.giveUp();
    expect(await here.records.conversation()).toMatchObject({ claim: { by: 'them' } });
  });

  it('makes no new record when the old one is gone', async () => {
    remove();
    await held.answer(CLONE, false);
    expect(await here.records.conversation()).toBeUndefined();
  });

  it('can be given up when storage is away: it then runs out by itself', async () => {
    here.storage.before = () => {
      throw new Error('storage is away');
    };
    await held.giveUp();
    here.storage.before = () => undefined;
    expect((await timeFor(locking(here.workBy('them')))).value.claim).toMatchObject({ by: 'them' });
  });
});
