import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CallerDirectory, RecordTooLarge } from '../../../src/lib/callers/directory.ts';
import { upkeep } from '../../../src/lib/storage/proof.ts';
import { hashOf, memoryDirectory, NOW, NUMBER } from './memoryDirectory.ts';

const OTHER = '+31687654321';
const signal = () => new AbortController().signal;
const miss = (reason: string, number = NUMBER) => ({ hash: hashOf(number), reason });

describe('who calls', () => {
  it('is found by every form of the number', async () => {
    const { directory, write } = memoryDirectory();
    await write({ name: 'Jan' });
    for (const number of ['06 12345678', '31612345678', 'sip:+31612345678@example.com', NUMBER]) {
      const found = await directory.find([number], 'agent_1', signal());
      expect(found).toMatchObject({ isKnown: true, hash: hashOf(NUMBER), record: { name: 'Jan' } });
    }
  });

  it('is the caller where both numbers are known, and the one who is called where only that is', async () => {
    const { directory, write } = memoryDirectory();
    await write({ number: OTHER, name: 'called' });
    expect(await directory.find([NUMBER, OTHER], 'agent_1', signal())).toMatchObject({ record: { name: 'called' } });
    await write({ name: 'caller' });
    expect(await directory.find([NUMBER, OTHER], 'agent_1', signal())).toMatchObject({ record: { name: 'caller' } });
  });

  it('is found without waiting for the other number, or for what becomes of it', async () => {
    const { directory, write, storage } = memoryDirectory();
    await write({ name: 'caller' });
    for (const other of [new Promise<void>(() => {}), Promise.reject(new Error('no answer'))]) {
      other.catch(() => {});
      storage.before = (_operation, name) => (name.includes(hashOf(OTHER)) ? other : undefined);
      expect(await directory.find([NUMBER, OTHER], 'agent_1', signal())).toMatchObject({ isKnown: true });
    }
  });

  it('is not guessed when storage does not say who the caller is', async () => {
    const { directory, write, storage } = memoryDirectory();
    await write({ number: OTHER });
    storage.before = (_operation, name) => {
      if (name.includes(hashOf(NUMBER))) throw new Error('no answer');
    };
    await expect(directory.find([NUMBER, OTHER], 'agent_1', signal())).rejects.toThrow('no answer');
  });

  it('is looked up at once, each number once', async () => {
    const { directory, storage } = memoryDirectory();
    const asked: string[] = [];
    const { promise: both, resolve } = Promise.withResolvers<void>();
    storage.before = (_operation, name) => {
      if (asked.push(name) === 2) resolve();
      return both;
    };
    await directory.find([NUMBER, OTHER, '0612345678'], 'agent_1', signal());
    expect(asked).toHaveLength(2);
  });

  it('is nobody without a number, and then nothing is asked', async () => {
    const { directory, storage } = memoryDirectory();
    storage.before = () => {
      throw new Error('asked');
    };
    const none = await directory.find(['anonymous', '', undefined, '+266696687'], 'agent_1', signal());
    expect(none).toEqual({ isKnown: false, misses: [] });
  });

  it('is waited for until the signal, also while the key is read', async () => {
    const place = {
      authority: upkeep(),
      storage: memoryDirectory().storage,
      path: { container: 'callers', prefix: '' },
      country: undefined,
    };
    const waiting = new CallerDirectory({ ...place, key: () => new Promise(() => {}), now: () => NOW });
    const end = new AbortController();
    const found = waiting.find([NUMBER], 'agent_1', end.signal);
    end.abort();
    await expect(found).rejects.toThrow('deadline');
    await expect(waiting.find([NUMBER], 'agent_1', AbortSignal.abort())).rejects.toThrow('deadline');
  });
});

it('a key that takes its time is waited for, and nobody listens to the signal any more', async () => {
  const { storage, write } = memoryDirectory();
  await write({ name: 'Jan' });
  const key = Promise.withResolvers<Buffer>();
  const path = { container: 'callers', prefix: 'eu/' };
  const directory = new CallerDirectory({
    authority: upkeep(),
    storage,
    path,
    key: () => key.promise,
    country: undefined,
    now: () => NOW,
  });
  const end = new AbortController();
  const found = directory.find([NUMBER], 'agent_1', end.signal);
  await Promise.resolve();
  key.resolve(Buffer.alloc(32, 7));
  expect(await found).toMatchObject({ isKnown: true });
  expect(getEventListeners(end.signal, 'abort')).toEqual([]);
});

describe('an entry counts as unknown, with the reason and its hash,', () => {
  it.each([
    ['none', undefined],
    ['broken', 'not JSON'],
    ['broken', '[]'],
    ['broken', '{"name":"without a number"}'],
    ['too-large', JSON.stringify({ number: NUMBER, name: 'x'.repeat(16 * 1024) })],
    ['not-its-own', JSON.stringify({ number: OTHER, name: 'somebody else' })],
    ['expired', JSON.stringify({ number: NUMBER, expires_at: '2026-11-26T10:00:00Z' })],
    ['other-agents', JSON.stringify({ number: NUMBER, agents: ['agent_2', 'agent_3'] })],
  ])('%s', async (reason, text) => {
    const { directory, writeText } = memoryDirectory();
    if (text !== undefined) writeText(text);
    expect(await directory.find([NUMBER], 'agent_1', signal())).toEqual({ isKnown: false, misses: [miss(reason)] });
  });

  it('and the number that is called may be known all the same', async () => {
    const { directory, writeText, write } = memoryDirectory();
    writeText('not JSON');
    await write({ number: OTHER, name: 'called', agents: ['agent_1'] });
    expect(await directory.find([NUMBER, OTHER], 'agent_1', signal())).toMatchObject({ record: { name: 'called' } });
  });
});

describe('a change', () => {
  const record = { number: NUMBER, name: 'Jan', source: 'operator', updated_at: '2026-11-26T10:00:00Z' };

  it('is decided again about what somebody else has written meanwhile', async () => {
    const { directory, write, storage, stored } = memoryDirectory();
    const interrupt = (what: Parameters<typeof write>[0]) => {
      storage.before = async (operation) => {
        if (operation !== 'upload') return;
        storage.before = () => undefined;
        await write(what);
      };
    };
    interrupt({ name: 'first' });
    await directory.change(hashOf(NUMBER), (before) => ({ ...record, ...before, language: 'nl' }), { isNew: true });
    expect(stored()).toMatchObject({ name: 'first', language: 'nl' });
    interrupt({ name: 'second' });
    await directory.change(hashOf(NUMBER), (before) => ({ ...record, ...before, language: 'de' }));
    expect(stored()).toMatchObject({ name: 'second', language: 'de' });
  });

  it('removes an entry only as it was decided about', async () => {
    const { directory, write, storage, stored } = memoryDirectory();
    await write({ voice_id: 'voice_1' });
    storage.before = async (operation) => {
      if (operation !== 'delete') return;
      storage.before = () => undefined;
      await write({ name: 'written meanwhile' });
    };
    const result = await directory.change(hashOf(NUMBER), (before) =>
      before !== undefined && 'voice_id' in before ? 'remove' : 'leave',
    );
    expect(result.change).toBe('leave');
    expect(stored()).toMatchObject({ name: 'written meanwhile' });
    expect(await directory.change(hashOf(NUMBER), () => 'remove')).toMatchObject({ change: 'remove' });
    expect(stored()).toBeUndefined();
    expect(await directory.change(hashOf(NUMBER), () => 'remove')).toEqual({ before: undefined, change: 'remove' });
  });

  it('of an entry that cannot be used replaces it', async () => {
    const { directory, writeText, stored } = memoryDirectory();
    writeText('not JSON');
    const { before } = await directory.change(hashOf(NUMBER), () => record);
    expect(before).toEqual({ unusable: 'broken' });
    expect(stored()).toEqual(record);
  });

  it('of a number that is new is one write, and may have 16 KiB', async () => {
    const { directory, storage, stored } = memoryDirectory();
    const operations: string[] = [];
    storage.before = (operation) => void operations.push(operation);
    const room = 16 * 1024 - JSON.stringify(record).length;
    const largest = { ...record, name: record.name + 'x'.repeat(room) };
    await directory.change(hashOf(NUMBER), () => largest, { isNew: true });
    expect(operations).toEqual(['upload']);
    expect(stored()).toEqual(largest);
  });

  it('to more than 16 KiB is refused, and nothing is changed', async () => {
    const { directory, stored } = memoryDirectory();
    const large = { ...record, name: 'x'.repeat(16 * 1024) };
    await expect(directory.change(hashOf(NUMBER), () => large)).rejects.toThrow(new RecordTooLarge());
    expect(new RecordTooLarge()).toMatchObject({ name: 'RecordTooLarge', message: 'an entry has at most 16 KiB' });
    expect(stored()).toBeUndefined();
  });
});

describe('a look at all entries', () => {
  const glancesOf = async ({ directory }: ReturnType<typeof memoryDirectory>) => {
    const found = [];
    for await (const glance of directory.glances()) found.push(glance);
    return found;
  };

  it('reads none that the app has written', async () => {
    const here = memoryDirectory();
    await here.write({ voice_id: 'voice_1', expires_at: '2027-11-26T10:00:00Z' });
    await here.write({ number: OTHER });
    here.storage.before = () => {
      throw new Error('read');
    };
    expect(new Set(await glancesOf(here))).toEqual(
      new Set([
        { hash: hashOf(NUMBER), voiceId: 'voice_1', expiresAt: '2027-11-26T10:00:00Z' },
        { hash: hashOf(OTHER), voiceId: undefined, expiresAt: undefined },
      ]),
    );
  });

  it('reads those of others, and those whose bytes have been changed under their metadata', async () => {
    const here = memoryDirectory();
    here.writeText(JSON.stringify({ number: OTHER, voice_id: 'foreign' }), OTHER);
    await here.write({ voice_id: 'voice_1' });
    const [name, blob] = [...here.storage.blobs].find(([path]) => path.includes(hashOf(NUMBER))) ?? [];
    if (name === undefined || blob === undefined) throw new Error('nothing is stored');
    here.storage.blobs.set(name, {
      ...blob,
      bytes: Buffer.from(JSON.stringify({ number: NUMBER, voice_id: 'edited' })),
    });
    here.storage.blobs.set('callers/eu/notes.txt', blob);
    here.writeText('not JSON', '+31600000000');
    const voices = (await glancesOf(here)).map(({ voiceId }) => voiceId);
    expect(voices.sort()).toEqual(['edited', 'foreign', undefined]);
  });
});
