import { BodyMemory } from '../http/bodyMemory.ts';
import type { PostCallSettings } from '../settings/postCallSettings.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, BlobStorage, type RetryBudget } from '../storage/blobStorage.ts';
import { BlockDraft } from '../storage/blockDraft.ts';
import { BlockPool } from '../storage/blockPool.ts';
import { ErasedCalls } from '../storage/erasures.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { ProvenBody } from './provenBody.ts';

/** At most so many block buffers a process: 64 MiB, enough for five large deliveries at full speed. */
export const BLOCKS_PER_PROCESS = 16;

/** Eight times what one delivery may hold outside its audio, and room for thousands of usual ones. Shared with pre-call. */
const HELD_BYTES_PER_PROCESS = 128 * 1024 * 1024;

/** What persists ends with its delivery. */
const RETRY_BUDGET: RetryBudget = { totalMs: 25_000, persistMs: Infinity, tryMs: 15_000 };

/** What the deliveries of a process share: the account, the block buffers, and where things go. */
export interface CallStore {
  readonly storage: BlobStorage;
  readonly pool: BlockPool;
  readonly bodies: BodyMemory;
  readonly paths: PostCallSettings['paths'];
  readonly storesTranscripts: boolean;
  readonly storesAudio: boolean;
  readonly keepsUnknownTypes: boolean;
  /** Undefined when the setting of its place has a problem, which costs no delivery. */
  readonly erased: ErasedCalls | undefined;
}

export interface CallStoreOptions {
  readonly statePath?: StoragePath | undefined;
  readonly budget?: RetryBudget | undefined;
  readonly telemetry?: Telemetry | undefined;
}

export function openCallStore(
  settings: PostCallSettings,
  { statePath, budget = RETRY_BUDGET, telemetry }: CallStoreOptions = {},
): CallStore {
  return callStoreOn(new BlobStorage(settings.connection, budget, telemetry), settings, statePath);
}

/**
 * The same on an account that is open already.
 *
 * @param statePath where it is written down which calls were erased.
 */
export function callStoreOn(
  storage: BlobStorage,
  settings: Pick<PostCallSettings, 'paths' | 'storesTranscripts' | 'storesAudio' | 'keepsUnknownTypes'>,
  statePath: StoragePath | undefined,
): CallStore {
  return {
    storage,
    pool: new BlockPool(BLOCKS_PER_PROCESS),
    bodies: new BodyMemory(HELD_BYTES_PER_PROCESS),
    paths: settings.paths,
    storesTranscripts: settings.storesTranscripts,
    storesAudio: settings.storesAudio,
    keepsUnknownTypes: settings.keepsUnknownTypes,
    erased: statePath && new ErasedCalls(statePath),
  };
}

/** The drafts of one delivery: its audio, and what follows the first undecodable byte of it. */
export class DeliveryDrafts {
  readonly #store: CallStore;
  readonly #body: ProvenBody;
  readonly #evicted: AbortSignal;
  #audio: BlockDraft | undefined;
  #undecoded: BlockDraft | undefined;

  readonly #storage: Attempts;

  constructor(store: CallStore, storage: Attempts, body: ProvenBody, evicted: AbortSignal) {
    this.#store = store;
    this.#storage = storage;
    this.#body = body;
    this.#evicted = evicted;
  }

  audio(): BlockDraft {
    this.#audio ??= this.#newDraft();
    return this.#audio;
  }

  undecoded(): BlockDraft {
    // Never hold one block buffer while waiting for another: with many deliveries at once all would wait forever.
    this.#audio?.flush();
    this.#undecoded ??= this.#newDraft();
    return this.#undecoded;
  }

  async abandon(): Promise<void> {
    await Promise.all([this.#audio?.abandon(), this.#undecoded?.abandon()]);
  }

  #newDraft(): BlockDraft {
    return new BlockDraft({
      storage: this.#storage,
      pool: this.#store.pool,
      incoming: this.#store.paths.incoming,
      deadline: AbortSignal.any([this.#body.deadline, this.#body.cutOff(), this.#evicted]),
    });
  }
}
