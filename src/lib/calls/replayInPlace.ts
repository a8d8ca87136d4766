import type { CallStore } from '../postCall/callStore.ts';
import type { Outcome } from '../postCall/outcome.ts';
import type { ProvenBody } from '../postCall/provenBody.ts';
import { receive } from '../postCall/receive.ts';
import { isNotFound } from '../storage/blobStorage.ts';
import type { FromStorage } from '../storage/proof.ts';
import { listQuarantine, nameOf, type Quarantined } from './listQuarantine.ts';
import { QuarantinedBody } from './quarantinedBody.ts';
import { isReplayed, removeReplayed, wasReplayedMeanwhile } from './removeReplayed.ts';

/** What became of one body in quarantine. */
export interface Replayed {
  /** Of a body in parts, the JSON around its audio. */
  readonly blob: string;
  readonly reason: string;
  readonly outcome: Outcome['kind'] | 'failed';
  /** Where it is now. */
  readonly stored?: string;
  /** Why it failed. */
  readonly hint?: string;
}

/** One body is small; the time is that of a slow line. */
const ONE_MS = 5 * 60_000;

/**
 * Takes bodies in quarantine for deliveries once more: classified and stored by the same code, which may know more by now. What
 * is stored then, or is of a call that was erased, is deleted from quarantine; whatever still is not understood stays there, under
 * the reason that holds now. It may end at any point: a second run finishes it.
 *
 * @param isChosen which of them.
 */
export async function* replayInPlace(
  store: CallStore,
  {
    reason,
    isChosen = () => true,
  }: { readonly reason?: string | undefined; readonly isChosen?: (quarantined: Quarantined) => boolean } = {},
): AsyncGenerator<Replayed, void, undefined> {
  for await (const quarantined of listQuarantine(store.storage, store.paths.quarantine, reason)) {
    if (isChosen(quarantined)) yield await replayOne(store, quarantined);
  }
}

async function replayOne(store: CallStore, quarantined: Quarantined): Promise<Replayed> {
  const { metadata } = quarantined;
  const about = { blob: nameOf(quarantined), reason: metadata['quarantine_reason'] ?? 'unknown' };
  try {
    const outcome = isReplayed(quarantined) ? undefined : await receiveAgain(store, quarantined);
    if (outcome !== undefined && staysWhereItIs(quarantined, outcome)) return { ...about, outcome: outcome.kind };
    await removeReplayed(store.storage, quarantined);
    if (outcome === undefined) return { ...about, outcome: 'duplicate' };
    return { ...about, outcome: outcome.kind, ...('blob' in outcome ? { stored: outcome.blob } : {}) };
  } catch (error) {
    if (isNotFound(error) || (await wasReplayedMeanwhile(store.storage, quarantined)))
      return { ...about, outcome: 'duplicate' };
    return { ...about, outcome: 'failed', hint: error instanceof Error ? error.message : String(error) };
  }
}

function staysWhereItIs({ container, blobs }: Quarantined, outcome: Outcome): boolean {
  if (outcome.kind !== 'quarantined') return outcome.kind === 'off' || outcome.kind === 'check';
  return Object.values(blobs).some(({ name }) => outcome.blob === `${container}/${name}`);
}

function receiveAgain(store: CallStore, quarantined: Quarantined): Promise<Outcome> {
  const { metadata } = quarantined;
  const end = AbortSignal.timeout(ONE_MS);
  return receive(
    {
      body: new ReplayedBody(new QuarantinedBody(store.storage, quarantined), end),
      id: metadata['delivery_id'] ?? 'unknown',
      receivedAt: new Date(metadata['received_at'] ?? Date.now()),
      end,
      onKnown: () => {},
    },
    store,
  );
}

/** A stored body in the place of one that arrives. */
class ReplayedBody implements ProvenBody {
  readonly deadline: AbortSignal;
  readonly expectedBytes = 0;
  readonly #stored: QuarantinedBody;

  constructor(stored: QuarantinedBody, deadline: AbortSignal) {
    this.#stored = stored;
    this.deadline = deadline;
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
