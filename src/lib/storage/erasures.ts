import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isNotFound } from './blobStorage.ts';
import { listBlobs } from './listBlobs.ts';

/** Metadata of the empty blob that keeps the name of what was erased: when that was, ISO 8601. */
const ERASED_AT = 'erased_at';

/** The metadata of such a blob. */
export function tombstone(erasedAt: string): Record<string, string> {
  return { [ERASED_AT]: erasedAt };
}

/** Whether a blob only says that what had its name was erased: such a name is never written to again. */
export function isTombstone(metadata: Readonly<Record<string, string>>): boolean {
  return metadata[ERASED_AT] !== undefined;
}

const FOLDER = 'erased/';
/** Ids that a process holds; with more, it asks about each one. */
const MOST_IDS = 20_000;
const MOST_AGENTS = 10_000;
const DAY_MS = 86_400_000;

interface CallIds {
  readonly agentId: string;
  readonly conversationId: string;
}

/**
 * The calls that were erased, as deliveries ask for them: `<state>/erased/<conversation_id>.json` is written before the first blob
 * is touched, and stays.
 */
export class ErasedCalls {
  readonly #path: StoragePath;
  readonly #now: () => number;
  /** When something of an agent was last known to be stored, in milliseconds. */
  readonly #agents = new Map<string, number>();
  #ids: ReadonlySet<string> | undefined;

  constructor(path: StoragePath, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  /**
   * For what does not have a name of its call: it costs a request.
   *
   * @throws {StorageUnavailable} What is not known is not kept.
   */
  has(storage: Attempts, conversationId: string): Promise<boolean> {
    return wasErased(storage, this.#path, conversationId);
  }

  /**
   * For what has a name of its call, where it meets a tombstone, see {@link isTombstone}; but for an agent of whom nothing was
   * stored there is none, as nobody knew of it. So the erased calls are listed before the first delivery of each agent, once a
   * day, and no delivery after it costs a request: what is erased from then on has tombstones for this agent as well.
   *
   * @throws {StorageUnavailable} What is not known is not kept.
   */
  async hasOfNewAgent(storage: Attempts, { agentId, conversationId }: CallIds): Promise<boolean> {
    const knownAt = this.#agents.get(agentId);
    if (knownAt === undefined || this.#now() - knownAt > DAY_MS) this.#ids = await this.#list(storage);
    return this.#ids === undefined ? this.has(storage, conversationId) : this.#ids.has(conversationId);
  }

  /** Something of this agent is stored, from which everybody knows it. */
  noteAgent({ agentId }: Pick<CallIds, 'agentId'>): void {
    if (this.#agents.size >= MOST_AGENTS) this.#agents.clear();
    const knownAt = this.#agents.get(agentId);
    if (knownAt === undefined || this.#now() - knownAt > DAY_MS) this.#agents.set(agentId, this.#now());
  }

  async #list(storage: Attempts): Promise<ReadonlySet<string> | undefined> {
    const prefix = this.#path.prefix + FOLDER;
    const ids = new Set<string>();
    for await (const { name } of listBlobs(storage, { ...this.#path, prefix }, {})) {
      ids.add(name.slice(prefix.length).replace(/\.json$/, ''));
      if (ids.size > MOST_IDS) return undefined;
    }
    return ids;
  }
}

/**
 * Whether the conversation was erased, see {@link ErasedCalls}.
 *
 * @throws {StorageUnavailable} What is not known is not kept.
 */
export async function wasErased(storage: Attempts, state: StoragePath, conversationId: string): Promise<boolean> {
  const name = `${state.prefix}${FOLDER}${conversationId}.json`;
  try {
    await storage.attempt(state.container, (container, abortSignal) =>
      container.getBlobClient(name).getProperties({ abortSignal }),
    );
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
