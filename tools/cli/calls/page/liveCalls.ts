import { describeCall } from '../../../../src/lib/calls/describeCall.ts';
import { type CallFilter, findCalls } from '../../../../src/lib/calls/findCalls.ts';
import { findStored } from '../../../../src/lib/calls/listCalls.ts';
import type { Attempts } from '../../../../src/lib/storage/blobStorage.ts';
import { listBlobs } from '../../../../src/lib/storage/listBlobs.ts';
import { keyOf, type LiveEvents } from '../../../page/api.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { summaryOf } from './summary.ts';

/** Gets what is new: an event's name, and its data as JSON. */
export type Listener = (name: keyof LiveEvents, data: string) => void;

export interface LiveOptions {
  readonly filter: CallFilter;
  /** The newest so many are held, about half a kB each. */
  readonly limit: number;
  /** How long after a listing the next one begins, at least; a listing that takes long is waited for five times as long. */
  readonly pauseMs: number;
}

interface Ids {
  readonly agentId: string;
  readonly conversationId: string;
}

/** Azurite takes seconds for a page of 5,000 on a busy machine. */
const LISTING = { totalMs: 180_000, tryMs: 180_000 };
const PAUSES_A_LISTING = 5;
/** Calls in one event; the browser can draw between two. */
const CALLS_AN_EVENT = 250;
/** More single calls than that are found faster by a listing. */
const MOST_LOOKED_FOR = 200;

/**
 * The newest calls that are stored, kept up to date as long as somebody listens: by listing all again and again, at most a sixth
 * of the time, and at once for a call of which it hears that something was stored. Storage is not asked while nobody listens.
 */
export class LiveCalls {
  readonly #access: StorageAccess;
  readonly #options: LiveOptions;
  readonly #listeners = new Set<Listener>();
  /** The JSON of each call, by its key: comparing two is comparing text. */
  #calls = new Map<string, string>();
  #last: Partial<Record<'listed' | 'problem', string>> = {};
  #next: NodeJS.Timeout | undefined;
  #listing: Promise<void> | undefined;
  /** What has come while a listing ran, which may have passed it already. */
  readonly #lookedFor = new Set<string>();
  readonly #heard = new Map<string, Ids>();
  #isLooking = false;

  constructor(access: StorageAccess, options: LiveOptions) {
    this.#access = access;
    this.#options = options;
  }

  /** Tells the listener all that is known, then what changes. @returns what ends it. */
  subscribe(listener: Listener): () => void {
    sendCalls([...this.#calls.values()], listener);
    for (const name of ['listed', 'problem'] as const) {
      const data = this.#last[name];
      if (data !== undefined) listener(name, data);
    }
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.refresh();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) clearTimeout(this.#next);
    };
  }

  /** Lists all again, now. */
  refresh(): Promise<void> {
    clearTimeout(this.#next);
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  /** Something was stored of a call. */
  hear(ids: Ids): void {
    if (this.#listeners.size === 0) return;
    this.#heard.set(`${ids.agentId}/${ids.conversationId}`, ids);
    if (this.#heard.size > MOST_LOOKED_FOR) {
      this.#heard.clear();
      this.refresh();
    } else if (!this.#isLooking) void this.#look();
  }

  async #list(): Promise<void> {
    const began = performance.now();
    let { pauseMs } = this.#options;
    const isFirst = this.#last.listed === undefined;
    this.#lookedFor.clear();
    try {
      const { areas } = this.#access;
      const { filter, limit } = this.#options;
      const storage = await patient(this.#access);
      const onProgress = (seen: number) => {
        if (isFirst && seen % 200 === 0) this.#tell('listing', JSON.stringify({ seen }));
      };
      const { calls, matching } = await findCalls(storage, areas, filter, { limit, onProgress });
      const found = new Map(calls.map(summaryOf).map((summary) => [keyOf(summary), JSON.stringify(summary)]));
      let quarantined = 0;
      for await (const _ of listBlobs(storage, areas.quarantine, {})) quarantined++;
      this.#replace(found);
      delete this.#last.problem;
      this.#say('listed', { matching, quarantined });
      pauseMs = Math.max(pauseMs, PAUSES_A_LISTING * (performance.now() - began));
    } catch (error) {
      this.#say('problem', { message: messageOf(this.#access.explained(error)) });
    }
    if (this.#listeners.size === 0) return;
    clearTimeout(this.#next);
    this.#next = setTimeout(() => void this.refresh(), pauseMs).unref();
  }

  #replace(found: Map<string, string>): void {
    for (const key of this.#lookedFor) {
      const known = this.#calls.get(key);
      if (known !== undefined) found.set(key, known);
    }
    const before = this.#calls;
    this.#calls = found;
    const changed = [...found].filter(([key, call]) => before.get(key) !== call).map(([, call]) => call);
    const gone = [...before.keys()].filter((key) => !found.has(key));
    for (const listener of this.#listeners) sendCalls(changed, listener);
    if (gone.length > 0) this.#tell('gone', JSON.stringify(gone));
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const { storage, areas } = this.#access;
    try {
      for (const [key, ids] of this.#heard) {
        this.#heard.delete(key);
        const [stored] = await findStored(storage, areas, ids);
        if (stored === undefined) continue;
        const call = JSON.stringify(summaryOf(await describeCall(storage, stored)));
        this.#lookedFor.add(key);
        if (this.#calls.get(key) === call) continue;
        this.#calls.set(key, call);
        for (const listener of this.#listeners) sendCalls([call], listener);
      }
    } catch {
      this.#heard.clear(); // the next listing says what is wrong
    } finally {
      this.#isLooking = false;
    }
  }

  /** Also to those who come later. */
  #say(name: 'listed' | 'problem', data: object): void {
    const text = JSON.stringify(data);
    this.#last[name] = text;
    this.#tell(name, text);
  }

  #tell(name: keyof LiveEvents, data: string): void {
    for (const listener of this.#listeners) listener(name, data);
  }
}

/** Once it is known that storage answers at all, a page of a listing may take as long as it does. */
async function patient({ storage, areas }: StorageAccess): Promise<Attempts> {
  await storage.attempt(areas.transcripts.container, (client, abortSignal) => client.exists({ abortSignal }));
  return storage.until(new AbortController().signal, LISTING);
}

function sendCalls(calls: readonly string[], listener: Listener): void {
  for (let at = 0; at < calls.length; at += CALLS_AN_EVENT) {
    listener('calls', `[${calls.slice(at, at + CALLS_AN_EVENT).join(',')}]`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
