import type { BlobItem } from '@azure/storage-blob';
import type { CallStore } from '../postCall/callStore.ts';
import type { ProvenBody } from '../postCall/provenBody.ts';
import { type Outcome, receive } from '../postCall/receive.ts';
import { isNotFound } from '../storage/blobStorage.ts';
import { listBlobs } from '../storage/listBlobs.ts';
import { type FromStorage, StoredBody } from '../storage/proof.ts';

/** What became of one body in quarantine. `in-parts`: its audio was taken out of it, and only a person can put it together. */
export interface Replayed {
  readonly blob: string;
  readonly reason: string;
  readonly outcome: Outcome['kind'] | 'in-parts' | 'failed';
  /** Where it is now. */
  readonly stored?: string;
  /** Why it failed. */
  readonly hint?: string;
}

/** One body is small; the time is that of a slow line. */
const ONE_MS = 5 * 60_000;
/** Parts of a body of which one was audio; see docs/how-it-works.md. */
const PARTS = /\.(around\.json|remainder\.bin|mp3)$/;

/**
 * Takes bodies in quarantine for deliveries once more: classified and stored by the same code, which may know more by now. What
 * is stored then, or is of a call that was erased, is deleted from quarantine; whatever still is not understood stays there.
 *
 * @param reason only what was quarantined for this reason.
 * @param name only the blob of this name.
 */
export async function* replayInPlace(
  store: CallStore,
  { reason, name }: { readonly reason?: string | undefined; readonly name?: string | undefined } = {},
): AsyncGenerator<Replayed, void, undefined> {
  const { container, prefix } = store.paths.quarantine;
  const folder = reason === undefined ? prefix : `${prefix}${reason}/`;
  if (name !== undefined && !name.startsWith(folder)) return;
  for await (const item of listBlobs(store.storage, { container, prefix: name ?? folder })) {
    if (name === undefined || item.name === name) yield await replayOne(store, item);
  }
}

/** Whether a blob in quarantine is a part of a body whose audio was taken out of it. */
export function isInParts(name: string): boolean {
  return PARTS.test(name);
}

async function replayOne(store: CallStore, { name, metadata = {} }: BlobItem): Promise<Replayed> {
  const { container } = store.paths.quarantine;
  const about = { blob: `${container}/${name}`, reason: metadata['quarantine_reason'] ?? 'unknown' };
  if (isInParts(name)) return { ...about, outcome: 'in-parts' };
  try {
    const end = AbortSignal.timeout(ONE_MS);
    const outcome = await receive(
      {
        body: await ReplayedBody.open(store, name, end),
        id: metadata['delivery_id'] ?? 'unknown',
        receivedAt: new Date(metadata['received_at'] ?? Date.now()),
        end,
        onKnown: () => {},
      },
      store,
    );
    if (outcome.kind === 'quarantined' || outcome.kind === 'off' || outcome.kind === 'check') {
      return { ...about, outcome: outcome.kind };
    }
    await store.storage.attempt(container, (client, abortSignal) =>
      client.getBlobClient(name).deleteIfExists({ abortSignal, deleteSnapshots: 'include' }),
    );
    return { ...about, outcome: outcome.kind, ...('blob' in outcome ? { stored: outcome.blob } : {}) };
  } catch (error) {
    if (isNotFound(error)) return { ...about, outcome: 'duplicate' }; // somebody else has replayed it meanwhile
    return { ...about, outcome: 'failed', hint: error instanceof Error ? error.message : String(error) };
  }
}

/** A stored body in the place of one that arrives. */
class ReplayedBody implements ProvenBody {
  readonly deadline: AbortSignal;
  readonly expectedBytes = 0;
  readonly #stored: StoredBody;

  private constructor(stored: StoredBody, deadline: AbortSignal) {
    this.#stored = stored;
    this.deadline = deadline;
  }

  static async open({ storage, paths }: CallStore, name: string, deadline: AbortSignal): Promise<ReplayedBody> {
    return new ReplayedBody(await StoredBody.open(storage, paths.quarantine.container, name), deadline);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#stored[Symbol.asyncIterator]();
  }

  /** Nobody sends it, so nobody goes. */
  cutOff(): AbortSignal {
    return this.deadline;
  }

  proof(): FromStorage {
    return this.#stored.proof();
  }
}
