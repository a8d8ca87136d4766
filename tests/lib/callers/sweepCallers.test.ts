import { beforeEach, expect, it } from 'vitest';
import { sweepCallers } from '../../../src/lib/callers/sweepCallers.ts';
import { elevenLabsError, fakeElevenLabs } from '../preCall/fakeElevenLabs.ts';
import { hashOf, memoryDirectory, NOW, NUMBER } from './memoryDirectory.ts';

const OTHER = '+31687654321';

let here: ReturnType<typeof memoryDirectory>;
let elevenLabs: ReturnType<typeof fakeElevenLabs>;
let log: object[];
beforeEach(() => {
  here = memoryDirectory();
  elevenLabs = fakeElevenLabs();
  log = [];
});

const sweep = (client: typeof elevenLabs.client | undefined = elevenLabs.client) =>
  sweepCallers(
    { directory: here.directory, elevenLabs: client, now: () => NOW },
    { write: (level, message, fields) => void log.push({ level, message, ...fields }) },
  );
const inAnHour = new Date(NOW + 3_600_000).toISOString();
const anHourAgo = new Date(NOW - 3_600_000).toISOString();

it('an entry that has expired is removed, another one stays', async () => {
  await here.write({ expires_at: anHourAgo, voice_id: 'gone' });
  await here.write({ number: OTHER, expires_at: inAnHour });
  await sweep();
  expect(here.stored()).toBeUndefined();
  expect(here.stored(OTHER)).toBeDefined();
  expect(log).toEqual([{ level: 'INFO', message: 'callers', outcome: 'expired', entries: 1 }]);
});

it('an entry that is renewed just as it is removed stays', async () => {
  await here.write({ expires_at: anHourAgo });
  here.storage.before = async (operation) => {
    if (operation !== 'delete') return;
    here.storage.before = () => undefined;
    await here.write({ expires_at: inAnHour });
  };
  await sweep();
  expect(here.stored()).toMatchObject({ expires_at: inAnHour });
});

it('a voice that ElevenLabs has no longer is taken out of every entry, and the log names them by their hashes', async () => {
  await here.write({ name: 'Jan', voice_id: 'gone' });
  await here.write({ number: OTHER, voice_id: 'gone' });
  await sweep();
  expect(here.stored()).toEqual({
    number: NUMBER,
    name: 'Jan',
    source: 'operator',
    updated_at: new Date(NOW).toISOString(),
  });
  expect(here.stored(OTHER)).not.toHaveProperty('voice_id');
  const line = { level: 'WARNING', message: 'callers', outcome: 'voice gone', voice: 'gone' };
  expect(log).toEqual([NUMBER, OTHER].map((number) => ({ ...line, caller: hashOf(number) })));
});

it('a voice stays that is listed, or exists without being listed', async () => {
  elevenLabs.putVoice('listed', { category: 'premade' });
  await here.write({ voice_id: 'listed' });
  await here.write({ number: OTHER, voice_id: 'shared' });
  elevenLabs.before = (request) => {
    if (request === 'getVoice shared') elevenLabs.putVoice('shared');
  };
  await sweep();
  expect(here.stored()).toHaveProperty('voice_id', 'listed');
  expect(here.stored(OTHER)).toHaveProperty('voice_id', 'shared');
  expect(elevenLabs.asked.map(({ request }) => request)).toEqual(['findVoices', 'getVoice shared']);
});

it('a voice stays when the entry has another one by then', async () => {
  await here.write({ voice_id: 'gone' });
  elevenLabs.before = async (request) => {
    if (request === 'findVoices') await here.write({ voice_id: 'new' });
  };
  await sweep();
  expect(here.stored()).toHaveProperty('voice_id', 'new');
});

it.each([
  ['WARNING', elevenLabsError()],
  ['DEBUG', elevenLabsError({ reason: 'missing_permission', status: 401, retryable: false })],
])('voices stay when ElevenLabs does not list them, with a %s', async (level, error) => {
  await here.write({ voice_id: 'voice_1' });
  elevenLabs.before = () => {
    throw error;
  };
  await sweep();
  expect(here.stored()).toHaveProperty('voice_id', 'voice_1');
  expect(log).toMatchObject([{ level, outcome: 'voices not checked' }]);
});

it('ElevenLabs is not asked without voices, and nobody is without a key', async () => {
  await here.write();
  await sweep();
  expect(elevenLabs.asked).toEqual([]);
  await here.write({ voice_id: 'voice_1' });
  await sweepCallers({ directory: here.directory, elevenLabs: undefined, now: () => NOW }, { write: () => {} });
  expect(here.stored()).toHaveProperty('voice_id', 'voice_1');
});

it('of many voices that are not listed each run asks for a hundred, and the next one for the next', async () => {
  for (let index = 0; index < 150; index++) {
    await here.write({ number: `+3161000${String(index).padStart(4, '0')}`, voice_id: `voice_${index}` });
  }
  elevenLabs.before = (request) => {
    const id = /^getVoice (.+)$/.exec(request)?.[1];
    if (id !== undefined) elevenLabs.putVoice(id, { category: 'shared' });
  };
  elevenLabs.after = () => elevenLabs.voices.clear();
  const asked = new Set<string>();
  for (const now of [NOW, NOW + 5 * 60_000]) {
    await sweepCallers(
      { directory: here.directory, elevenLabs: elevenLabs.client, now: () => now },
      { write: () => {} },
    );
    const requests = elevenLabs.asked.splice(0).map(({ request }) => request);
    expect(requests.length - 1).toBeLessThanOrEqual(100);
    for (const request of requests) asked.add(request);
  }
  expect(asked.size - 1).toBe(150);
});
