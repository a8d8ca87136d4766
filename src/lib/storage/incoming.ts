import { WebhookError } from '../errors.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isCopyRefused } from './blobStorage.ts';
import { type BlobMetadata, copyFrom, copyThrough, type Kept, keepOnce, type Target } from './keepOnce.ts';

/** An answer does not wait long for the tidying up after it. */
const DELETE_MS = 2_000;

/** For a recording of 200 MB through the app, at a tenth of what an instance can do. */
const THROUGH_BUDGET = { totalMs: 120_000, tryMs: 120_000 };

type Operation = Parameters<Attempts['attempt']>[1];

const TARGET_CONTAINER = 'target_container';
const TARGET_STEM = 'target_stem';
const TARGET_EXTENSION = 'target_extension';

/** What a committed blob in `incoming` carries, so that `sweep` can finish it: its metadata and where it belongs. */
export function incomingMetadata(target: Target, metadata: BlobMetadata): BlobMetadata {
  return {
    ...metadata,
    [TARGET_CONTAINER]: target.container,
    [TARGET_STEM]: target.stem,
    [TARGET_EXTENSION]: target.extension,
  };
}

/**
 * Copies a committed blob from `incoming` to its place and deletes it. Safe to run twice at once and on many instances. An
 * account may refuse to read the source of a copy; then it is copied through the app, which also finds out whether somebody
 * else has finished and deleted it.
 */
export async function finishIncoming(
  storage: Attempts,
  container: string,
  name: string,
  target: Target,
  metadata: BlobMetadata,
): Promise<Kept> {
  const source = await storage.attempt(container, async (client) => client.getBlockBlobClient(name));
  const kept = await keepOnce(storage, target, metadata, copyFrom(source.url, metadata)).catch((error: unknown) => {
    if (!isCopyRefused(error)) throw error;
    return keepOnce(storage, target, metadata, copyThrough(source, metadata), THROUGH_BUDGET);
  });
  // Stryker disable next-line ObjectLiteral: the attempt ends without it, and only the connection stays
  const remove: Operation = (client, abortSignal) => client.getBlockBlobClient(name).deleteIfExists({ abortSignal });
  await storage.attempt(container, remove, { totalMs: DELETE_MS }).catch(() => {}); // what is left, sweep deletes
  return kept;
}

export interface SweepResult {
  readonly finished: readonly Kept[];
  /** Names that could not be finished, with the reason. */
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Finishes what a process left in `incoming` when it died between commit and copy: genuine, complete, and never sent again.
 * Leaves alone what is younger than `olderThanMs`, because its own delivery may still be at work.
 */
export async function sweepIncoming(
  storage: Attempts,
  incoming: StoragePath,
  options: { olderThanMs: number; now: number },
): Promise<SweepResult> {
  const finished: Kept[] = [];
  const failed: { name: string; reason: string }[] = [];
  for (const left of await listIncoming(storage, incoming)) {
    if (options.now - left.committedAt < options.olderThanMs) continue;
    const known = targetOf(left);
    if (known === undefined) {
      failed.push({ name: left.name, reason: 'its metadata does not say where it belongs' });
      continue;
    }
    try {
      finished.push(await finishIncoming(storage, incoming.container, left.name, known.target, known.metadata));
    } catch (error) {
      failed.push({ name: left.name, reason: reasonOf(error) });
    }
  }
  return { finished, failed };
}

function reasonOf(error: unknown): string {
  // Stryker disable next-line ConditionalExpression: an error without a hint gives its message either way
  if (error instanceof WebhookError) return error.hint ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

interface Left {
  readonly name: string;
  readonly committedAt: number;
  readonly metadata: Record<string, string>;
}

async function listIncoming(storage: Attempts, incoming: StoragePath): Promise<Left[]> {
  return storage.attempt(incoming.container, async (client, abortSignal) => {
    const found: Left[] = [];
    for await (const blob of client.listBlobsFlat({ prefix: incoming.prefix, includeMetadata: true, abortSignal })) {
      found.push({
        name: blob.name,
        committedAt: blob.properties.lastModified.getTime(),
        metadata: blob.metadata ?? {},
      });
    }
    return found;
  });
}

function targetOf(left: Left): { target: Target; metadata: BlobMetadata } | undefined {
  const {
    [TARGET_CONTAINER]: container,
    [TARGET_STEM]: stem,
    [TARGET_EXTENSION]: extension,
    sha256,
    delivery_id,
    ...others
  } = left.metadata;
  if (!container || !stem || !extension || !sha256 || !delivery_id) return undefined;
  return {
    target: { container, stem, extension },
    metadata: { ...others, sha256, delivery_id },
  };
}
