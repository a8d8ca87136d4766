import { readCallerKey, rememberedKey } from '../../../src/lib/callers/callerKey.ts';
import { CallerDirectory, type Entry } from '../../../src/lib/callers/directory.ts';
import { defaultCountry } from '../../../src/lib/settings/callersSettings.ts';
import { inParallel } from '../../../src/lib/storage/inParallel.ts';
import { Failure, UsageError } from '../../command/errors.ts';
import type { StorageAccess } from '../storageAccess.ts';

const READERS = 32;

/** The directory that the app has there. Only who writes may make the key of its names. */
export function openDirectory(
  { storage, areas, settings }: StorageAccess,
  { mayMakeKey }: { readonly mayMakeKey: boolean },
): CallerDirectory {
  const area = { storage, path: areas.state };
  const standing = async () => {
    const key = await readCallerKey(area);
    if (key === undefined) throw new Failure('Nobody is in the directory: no number was ever written there.');
    return key;
  };
  return new CallerDirectory({
    storage,
    path: areas.callers,
    key: mayMakeKey ? rememberedKey(area) : standing,
    country: defaultCountry(settings),
    now: Date.now,
  });
}

/** @throws UsageError for a number that is withheld. */
export function readNumber(directory: CallerDirectory, given: string): string {
  const number = directory.normalise(given);
  if (number === undefined) throw new UsageError(`"${given}" is not a number that anybody could be known by`);
  return number;
}

/** An entry and the hash it is named by. */
export interface Found {
  readonly hash: string;
  readonly entry: Entry;
}

/** All entries, read several at once, in the order of their names. */
export async function* readEntries(directory: CallerDirectory): AsyncGenerator<Found, void, undefined> {
  const read = inParallel(directory.glances(), READERS, async ({ hash }) => ({
    hash,
    entry: await directory.get(hash),
  }));
  for await (const { hash, entry } of read) if (entry !== undefined) yield { hash, entry };
}
