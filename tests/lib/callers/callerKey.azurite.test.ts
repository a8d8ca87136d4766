import { createHmac, randomBytes } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import { callerKey, hashOfNumber, labelOfNumber, readCallerKey } from '../../../src/lib/callers/callerKey.ts';
import { contentOf, storageAt } from '../../support/drafts.ts';

const newArea = () => ({
  storage: storageAt(inject('storage')),
  path: { container: `state-${randomBytes(4).toString('hex')}`, prefix: 'app/' },
});

it('many who need the key at once, and one who comes later, get the same', async () => {
  const area = newArea();
  const keys = await Promise.all(Array.from({ length: 5 }, () => callerKey(area)));
  expect(new Set([...keys, await readCallerKey(area)].map((key) => key?.toString('hex'))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  expect((await contentOf(area.path.container)).map(({ name }) => name)).toEqual(['app/caller-key.json']);
});

it('who only reads it makes neither a key nor a container', async () => {
  const area = newArea();
  expect(await readCallerKey(area)).toBeUndefined();
  const container = await area.storage.attempt(area.path.container, async (client) => client);
  expect(await container.exists()).toBe(false);
});

it('a number is known by its keyed hash, and by the first half of it where little room is', () => {
  const key = Buffer.alloc(32, 7);
  const hash = createHmac('sha256', key).update('+31612345678').digest('hex');
  expect(hashOfNumber(key, '+31612345678')).toBe(hash);
  expect(labelOfNumber(key, '+31612345678')).toBe(hash.slice(0, 32));
});
