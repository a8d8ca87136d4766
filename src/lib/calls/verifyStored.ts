import { createHash } from 'node:crypto';
import type { BlobItem } from '@azure/storage-blob';
import type { StorageAreas } from '../settings/storageAreas.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isNotFound } from '../storage/blobStorage.ts';
import { isTombstone } from '../storage/erasures.ts';
import { inParallel } from '../storage/inParallel.ts';
import { listBlobs } from '../storage/listBlobs.ts';

type VerifiedAreas = Pick<StorageAreas, 'transcripts' | 'audio' | 'callFailures' | 'quarantine' | 'otherEvents'>;

/** A blob whose bytes were read: `unknown` when nothing says what they were. */
export interface Verified {
  readonly blob: string;
  readonly bytes: number;
  readonly result: 'same' | 'differs' | 'unknown';
}

const READERS = 4;

/**
 * Reads everything that is stored and compares it with the sha256 in its metadata.
 *
 * @param storedSince milliseconds since 1970; what is older is left out.
 */
export async function* verifyStored(
  storage: Attempts,
  areas: VerifiedAreas,
  { storedSince = 0 }: { readonly storedSince?: number | undefined } = {},
): AsyncGenerator<Verified, void, undefined> {
  const { transcripts, audio, callFailures, quarantine, otherEvents } = areas;
  for (const path of withoutRepeats([transcripts, audio, callFailures, quarantine, otherEvents])) {
    const verify = async (item: BlobItem) =>
      item.properties.lastModified.getTime() < storedSince || isTombstone(item.metadata ?? {})
        ? undefined
        : verifyOne(storage, path.container, item);
    for await (const verified of inParallel(listBlobs(storage, path), READERS, verify)) {
      if (verified !== undefined) yield verified;
    }
  }
}

/** Areas of calls may be one place, or lie in each other. */
function withoutRepeats(paths: readonly StoragePath[]): StoragePath[] {
  const isIn = (inner: StoragePath, outer: StoragePath) =>
    inner.container === outer.container && inner.prefix.startsWith(outer.prefix);
  return paths.filter(
    (path, index) =>
      !paths.some((other, at) => at !== index && isIn(path, other) && (!isIn(other, path) || at < index)),
  );
}

async function verifyOne(storage: Attempts, container: string, item: BlobItem): Promise<Verified | undefined> {
  const wanted = item.metadata?.['sha256'];
  const blob = `${container}/${item.name}`;
  const bytes = item.properties.contentLength ?? 0;
  if (wanted === undefined) return { blob, bytes, result: 'unknown' };
  try {
    const found = await storage.attempt(container, async (client, abortSignal) => {
      const hash = createHash('sha256');
      const answer = await client.getBlobClient(item.name).download(0, undefined, { abortSignal });
      for await (const chunk of answer.readableStreamBody ?? []) hash.update(chunk);
      return hash.digest('hex');
    });
    return { blob, bytes, result: found === wanted ? 'same' : 'differs' };
  } catch (error) {
    if (isNotFound(error)) return undefined; // deleted meanwhile
    throw error;
  }
}
