import type { StoragePath } from '../settings/storagePath.ts';
import type { Genuine } from '../signature/signedBody.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import type { Upkeep } from '../storage/proof.ts';
import { type StateRecord, StateStore } from '../storage/stateStore.ts';
import { hashOfNumber } from './callerKey.ts';
import { entries, type Glance, glances, type Unusable } from './entries.ts';
import { normaliseNumber } from './number.ts';
import { type CallerRecord, isPast, LARGEST_RECORD_BYTES } from './record.ts';

export interface DirectoryPlace {
  /** What entries are written on: a delivery has its own, see {@link CallerDirectory.provenBy}. */
  readonly authority: Genuine | Upkeep;
  readonly storage: Attempts;
  /** `CALLERS_STORAGE_PATH`. */
  readonly path: StoragePath;
  /** Under which numbers are hashed; see `rememberedKey`. */
  readonly key: () => Promise<Buffer>;
  /** `CALLERS_DEFAULT_COUNTRY`. */
  readonly country: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Why a number has no record: no entry, one for other agents only, one that has expired, one that is not valid, over 16 KiB, or
 * holds another number than its name says.
 */
export type Miss = 'none' | 'other-agents' | 'expired' | 'broken' | 'too-large' | 'not-its-own';

/** `hash` is that of the number, and the name of the entry; of a number that is withheld there is neither. */
export type Lookup =
  | { readonly isKnown: true; readonly hash: string; readonly record: CallerRecord }
  | { readonly isKnown: false; readonly misses: readonly { readonly hash: string; readonly reason: Miss }[] };

/** What is stored under a hash. */
export type Entry = CallerRecord | Unusable;

/** What is to become of an entry: a record, nothing at all (`remove`), or what it is. */
export type Change = CallerRecord | 'remove' | 'leave';

/**
 * The directory of callers: what is known of whoever has a number, one small blob each, named by the keyed hash of the number
 * (`<64 hex digits>.json`). Many may read and change it at once.
 */
export class CallerDirectory {
  readonly #place: DirectoryPlace;
  readonly #state: StateStore;

  constructor(place: DirectoryPlace) {
    this.#place = place;
    this.#state = new StateStore(place.authority, place.storage, place.path);
  }

  /** The same for a genuine delivery. */
  provenBy(proof: Genuine): CallerDirectory {
    return new CallerDirectory({ ...this.#place, authority: proof });
  }

  /** The same for one piece of work: storage does nothing for it any more once the signal has fired. */
  until(end: AbortSignal, options?: Parameters<Attempts['until']>[1]): CallerDirectory {
    return new CallerDirectory({ ...this.#place, storage: this.#place.storage.until(end, options) });
  }

  /**
   * Who a call is with. All numbers are looked up at once, and the first of them with a record for this agent counts: of one
   * that comes earlier in the list the record is given without waiting for the others.
   *
   * @param numbers as the telephone system sends them, the caller's first.
   * @throws {StorageUnavailable} when storage does not answer, or `signal` has fired first.
   */
  async find(numbers: readonly (string | undefined)[], agentId: string, signal: AbortSignal): Promise<Lookup> {
    const wanted = new Set(numbers.flatMap((number) => this.normalise(number) ?? []));
    if (wanted.size === 0) return { isKnown: false, misses: [] };
    const key = await unlessAborted(this.#place.key(), signal);
    const bounded = this.until(signal);
    const lookups = [...wanted].map(async (number) => {
      const hash = hashOfNumber(key, number);
      return { hash, found: this.#usable(await bounded.get(hash), number, agentId) };
    });
    for (const lookup of lookups) lookup.catch(() => {}); // whoever waits for it gets the error
    const misses: { hash: string; reason: Miss }[] = [];
    for (const lookup of lookups) {
      const { hash, found } = await lookup;
      if (typeof found === 'object') return { isKnown: true, hash, record: found };
      misses.push({ hash, reason: found });
    }
    return { isKnown: false, misses };
  }

  /** A number in the one form that the directory knows; undefined when it is withheld. */
  normalise(number: string | undefined): string | undefined {
    return normaliseNumber(number, this.#place.country);
  }

  /** The name of the entry of a number in its one form. */
  async hashOf(number: string): Promise<string> {
    return hashOfNumber(await this.#place.key(), number);
  }

  /** What is stored under a hash, whatever it says. */
  async get(hash: string): Promise<Entry | undefined> {
    return (await this.#state.read(entries, hash))?.value;
  }

  /**
   * Changes one entry and overlooks nobody else's change: `decide` is asked again whenever the entry has changed meanwhile.
   *
   * @param isNew whether there is likely none yet: saves a look when that is so.
   * @returns what was decided at last, and about what.
   * @throws {RecordTooLarge} when what it should become is over 16 KiB: nothing is changed then.
   */
  async change(
    hash: string,
    decide: (before: Entry | undefined) => Change,
    { isNew = false } = {},
  ): Promise<{ readonly before: Entry | undefined; readonly change: Change }> {
    let standing = isNew ? undefined : await this.#state.read(entries, hash);
    for (;;) {
      const before = standing?.value;
      const change = decide(before);
      if (change === 'leave' || (change === 'remove' && standing === undefined)) return { before, change };
      const result = await this.#apply(hash, standing, change);
      if (result === 'done') return { before, change };
      standing = result;
    }
  }

  /** All entries by what a listing says of them, in the order of their hashes. Reads only what others have written. */
  glances(): AsyncGenerator<Glance, void, undefined> {
    return glances(this.#place, (hash) => this.get(hash));
  }

  /** `done`, or what somebody else has made of it meanwhile. */
  async #apply(
    hash: string,
    standing: StateRecord<Entry> | undefined,
    change: CallerRecord | 'remove',
  ): Promise<StateRecord<Entry> | 'done' | undefined> {
    if (change === 'remove') {
      const isDone = standing === undefined || (await this.#state.remove(entries, standing));
      return isDone ? 'done' : this.#state.read(entries, hash);
    }
    if (Buffer.byteLength(JSON.stringify(change)) > LARGEST_RECORD_BYTES) throw new RecordTooLarge();
    if (standing === undefined) {
      const { isNew, record } = await this.#state.create(entries, hash, change);
      return isNew ? 'done' : record;
    }
    const replaced = await this.#state.replace(entries, standing, change);
    return replaced === undefined ? this.#state.read(entries, hash) : 'done';
  }

  #usable(value: Entry | undefined, number: string, agentId: string): CallerRecord | Miss {
    if (value === undefined) return 'none';
    if ('unusable' in value) return value.unusable;
    if (value.number !== number) return 'not-its-own';
    if (isPast(value, this.#place.now())) return 'expired';
    const { agents = [] } = value;
    return agents.length === 0 || agents.includes(agentId) ? value : 'other-agents';
  }
}

export class RecordTooLarge extends Error {
  override readonly name = 'RecordTooLarge';

  constructor() {
    super(`an entry has at most ${LARGEST_RECORD_BYTES / 1024} KiB`);
  }
}

/** The key is read once for everybody, so not within the time of one of them. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new Error('The deadline came first'));
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
