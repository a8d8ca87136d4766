import { hashOfNumber } from '../../../src/lib/callers/callerKey.ts';
import { CallerDirectory } from '../../../src/lib/callers/directory.ts';
import type { CallerRecord } from '../../../src/lib/callers/record.ts';
import { memoryStorage } from '../preCall/memoryStorage.ts';

const KEY = Buffer.alloc(32, 7);
export const NUMBER = '+31612345678';
export const NOW = Date.parse('2026-11-26T10:00:00Z');
export const hashOf = (number: string) => hashOfNumber(KEY, number);

/** A directory whose storage is in memory, at `callers/eu/`, and whose clock stands at {@link NOW}. */
export function memoryDirectory(storage = memoryStorage()) {
  const path = { container: 'callers', prefix: 'eu/' };
  const directory = new CallerDirectory({ storage, path, key: async () => KEY, country: 'NL', now: () => NOW });
  const nameOf = (number: string) => `callers/eu/${hashOf(number)}.json`;
  return {
    storage,
    directory,
    /** As the app writes it. */
    write: (record: Partial<CallerRecord> = {}) => {
      const whole = { number: NUMBER, source: 'operator', updated_at: '2026-11-01T00:00:00Z', ...record };
      return directory.change(hashOf(whole.number), () => whole);
    },
    /** As somebody else may write it. */
    writeText: (text: string, number = NUMBER) =>
      storage.blobs.set(nameOf(number), {
        bytes: Buffer.from(text),
        etag: '"foreign"',
        metadata: {},
        lastModified: new Date(NOW),
      }),
    /** What is stored; undefined when nothing is. */
    stored: (number = NUMBER): Record<string, unknown> | undefined => {
      const bytes = storage.blobs.get(nameOf(number))?.bytes;
      return bytes && JSON.parse(bytes.toString());
    },
  };
}
