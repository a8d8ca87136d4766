import { beforeEach, describe, expect, it, vi } from 'vitest';
import { remember, type VoiceOfCall } from '../../../src/lib/preCall/remember.ts';
import type { Caller } from '../../../src/lib/preCall/request/greeting.ts';
import { memoryDirectory, NOW, NUMBER } from '../callers/memoryDirectory.ts';
import { type MemoryContext, memoryContext, REQUEST } from './memoryContext.ts';
import { stopTime } from './stoppedTime.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
const CALLER: Caller = { name: 'Ivan\n{{x}}', phoneNumber: '06 12345678', mayBeRemembered: true };
const STATE = { container: 'app-state', prefix: '' };

let here: MemoryContext;
let directory: ReturnType<typeof memoryDirectory>;
beforeEach(stopTime);
beforeEach(() => {
  here = memoryContext();
  directory = memoryDirectory(here.storage);
});

const rememberIt = (
  caller: Caller = CALLER,
  remembers = true,
  voice: VoiceOfCall = { voiceId: 'voice_new', isRepeated: false },
) =>
  remember(
    {
      ...here.context,
      now: () => NOW,
      remembering: remembers ? { directory: directory.directory, statePath: STATE } : undefined,
    },
    here.work,
    { ...REQUEST, caller },
    voice,
  );

const OWN_ENTRY = {
  number: NUMBER,
  name: 'Ivan x',
  voice_id: 'voice_new',
  source: 'pre-call',
  expires_at: new Date(NOW + YEAR_MS).toISOString(),
  updated_at: new Date(NOW).toISOString(),
};

describe('a caller', () => {
  it('who has agreed is remembered for a year, by the cleaned name and the voice', async () => {
    expect(await rememberIt()).toBe('new');
    expect(directory.stored()).toEqual(OWN_ENTRY);
  });

  it.each([
    ['has not been asked', { ...CALLER, mayBeRemembered: false }, true, undefined],
    ['says nothing of it', { name: 'Ivan', phoneNumber: NUMBER }, true, undefined],
    ['calls where nobody is remembered', CALLER, false, undefined],
    ['withholds the number', { ...CALLER, phoneNumber: 'Anonymous' }, true, 'withheld'],
    ['has none', { name: 'Ivan', mayBeRemembered: true }, true, 'withheld'],
  ])('who %s is not', async (_who, caller, remembers, outcome) => {
    expect(await rememberIt(caller, remembers)).toBe(outcome);
    expect(here.storage.blobs.size).toBe(0);
  });

  it('whose call was erased is not, however often it is delivered again', async () => {
    const erased = { bytes: Buffer.from('{}'), etag: '"1"', metadata: {}, lastModified: new Date() };
    here.storage.blobs.set(`${STATE.container}/erased/${REQUEST.conversationId}.json`, erased);
    expect(await rememberIt()).toBe('erased');
    expect(directory.stored()).toBeUndefined();
  });
});

describe('an entry of pre-call', () => {
  it('keeps its voice when an older answer is given again, and gets that of the answer when it has none', async () => {
    const again: VoiceOfCall = { voiceId: 'voice_new', isRepeated: true };
    await directory.write({ ...OWN_ENTRY, voice_id: 'voice_newer' });
    expect(await rememberIt(CALLER, true, again)).toBe('renewed');
    expect(directory.stored()).toMatchObject({ voice_id: 'voice_newer' });
    const { voice_id: _, ...withoutVoice } = OWN_ENTRY;
    await directory.write(withoutVoice);
    await rememberIt(CALLER, true, again);
    expect(directory.stored()).toMatchObject({ voice_id: 'voice_new' });
  });

  it('gets no voice that is gone', async () => {
    expect(await rememberIt(CALLER, true, { voiceId: undefined, isRepeated: true })).toBe('new');
    expect(directory.stored()).not.toHaveProperty('voice_id');
  });

  it('is renewed, and a call without a name leaves the name', async () => {
    await directory.write({ ...OWN_ENTRY, voice_id: 'old', expires_at: new Date(NOW + 1).toISOString() });
    expect(await rememberIt({ phoneNumber: NUMBER, mayBeRemembered: true })).toBe('renewed');
    expect(directory.stored()).toEqual(OWN_ENTRY);
  });
});

describe.each(['operator', 'import', 'crm'])('what %s has written', (source) => {
  it('is never changed', async () => {
    const entry = { name: 'Jan', voice_id: 'voice_own', source };
    await directory.write(entry);
    const before = directory.stored();
    expect(await rememberIt()).toBe('kept');
    expect(directory.stored()).toEqual(before);
  });

  it('is filled where it is empty, and stays theirs', async () => {
    await directory.write({ name: 'Jan', language: 'nl', source });
    expect(await rememberIt()).toBe('filled');
    expect(directory.stored()).toEqual({
      number: NUMBER,
      name: 'Jan',
      language: 'nl',
      voice_id: 'voice_new',
      source,
      updated_at: new Date(NOW).toISOString(),
    });
  });

  it('is filled where only the name is missing', async () => {
    await directory.write({ voice_id: 'voice_own', source });
    expect(await rememberIt()).toBe('filled');
    expect(directory.stored()).toMatchObject({ name: 'Ivan x', voice_id: 'voice_own', source });
  });

  it('counts for nothing once it has expired', async () => {
    await directory.write({ name: 'Jan', source, expires_at: new Date(NOW).toISOString() });
    expect(await rememberIt()).toBe('new');
    expect(directory.stored()).toEqual(OWN_ENTRY);
  });
});

it.each(['not JSON', JSON.stringify({ number: '+31600000000', name: 'somebody else' })])(
  'an entry that cannot be used is left to whoever can mend it: %s',
  async (text) => {
    directory.writeText(text);
    expect(await rememberIt()).toBe('unusable');
    expect([...here.storage.blobs.values()].map(({ bytes }) => bytes.toString())).toEqual([text]);
  },
);

describe('the answer', () => {
  it('is given all the same when the directory fails, and the log has no word of the caller', async () => {
    here.storage.before = () => {
      throw new Error('no storage');
    };
    expect(await rememberIt()).toBe('failed');
    const { conversationId: conversation, agentId: agent } = REQUEST;
    expect(here.log).toEqual([
      { level: 'WARNING', message: 'caller', outcome: 'not remembered', agent, conversation, hint: 'no storage' },
    ]);
  });

  it('waits half a second at most, and the caller is remembered later, without a line', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    here.storage.before = () => promise;
    const remembered = rememberIt();
    await vi.advanceTimersByTimeAsync(499);
    let isAnswered = false;
    void remembered.then(() => {
      isAnswered = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(isAnswered).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await remembered).toBe('late');
    resolve();
    await vi.waitFor(() => expect(directory.stored()).toEqual(OWN_ENTRY));
    expect(here.log).toEqual([]);
  });

  it('has no line of what fails after it', async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    here.storage.before = () => promise;
    const remembered = rememberIt();
    await vi.advanceTimersByTimeAsync(500);
    expect(await remembered).toBe('late');
    reject(new Error('no storage'));
    await vi.advanceTimersByTimeAsync(0);
    expect(here.log).toEqual([]);
  });

  it('leaves no timer behind', async () => {
    await rememberIt();
    expect(vi.getTimerCount()).toBe(0);
  });
});
