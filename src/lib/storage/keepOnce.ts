import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BlockBlobClient, RestError } from '@azure/storage-blob';
import { StorageUnavailable } from '../errors.ts';
import { type AttemptOptions, type Attempts, isAlreadyThere, isNotFound } from './blobStorage.ts';
import { isTombstone } from './erasures.ts';

/** Where a blob belongs: `<stem>.<extension>`, or `<stem>.<hash>.<extension>` when one with other bytes already exists. */
export interface Target {
  readonly container: string;
  readonly stem: string;
  readonly extension: string;
}

/** The same for a blob that is going to be written: a copy takes its type along. */
export interface Place extends Target {
  readonly contentType: string;
}

/** What the metadata of every blob says about the delivery that wrote it. */
export type DeliveryMetadata = Readonly<Record<string, string>> & { readonly delivery_id: string };

/** The same with the sha256 of the stored bytes. */
export type BlobMetadata = DeliveryMetadata & { readonly sha256: string };

export interface Kept {
  /**
   * `dropped`: bytes of the API, where the call is here in another form already. `erased`: the call was erased, and nothing of
   * it is kept again.
   */
  readonly kind: 'stored' | 'duplicate' | 'kept-beside' | 'dropped' | 'erased';
  /** Container and name of the blob that is there. */
  readonly blob: string;
}

type WriteIfNew = (blob: BlockBlobClient, signal: AbortSignal) => Promise<unknown>;

const HASH_DIGITS_IN_NAME = 32;
const COPY_POLL_MS = 250;
const MAX_TRIES = 3;
/** What a copy through the app holds in memory, and how much of it goes out at once. */
const THROUGH_BYTES = 1024 * 1024;
const THROUGH_AT_ONCE = 2;
const DOWNLOAD_TRIES = 5;

/**
 * First writer wins: runs `write`, which must use If-None-Match, on the place's own name. When a blob exists, its
 * sha256 decides: the same bytes are a duplicate (or our own write whose answer was lost), other bytes stay where they are
 * and ours go beside them. Only what a sender has stated goes beside: bytes of the API (`source` in the metadata) are
 * dropped, since a taken name means that the call is here. A tombstone ends it in any case.
 */
export async function keepOnce(
  storage: Attempts,
  { stem, extension, container }: Target,
  metadata: BlobMetadata,
  write: WriteIfNew,
  options: AttemptOptions = {},
): Promise<Kept> {
  const names = [`${stem}.${extension}`, `${stem}.${metadata.sha256.slice(0, HASH_DIGITS_IN_NAME)}.${extension}`];
  for (const [index, name] of names.entries()) {
    const written = index === 0 ? 'stored' : 'kept-beside';
    const found = await writeOrLook(storage, { container, name }, write, options);
    const blob = `${container}/${name}`;
    if (found === 'written') {
      const isLate = written === 'kept-beside' && (await wasErasedMeanwhile(storage, container, names));
      return { kind: isLate ? 'erased' : written, blob };
    }
    if (isTombstone(found)) return { kind: 'erased', blob };
    if (found['sha256'] === metadata.sha256) {
      const isOurs = found['delivery_id'] === metadata.delivery_id;
      return { kind: isOurs ? written : 'duplicate', blob };
    }
    if (metadata['source'] === 'api') return { kind: 'dropped', blob };
  }
  throw new Error(`Two blobs with different bytes share one hash in their name: ${container}/${stem}`);
}

/** Erasing writes the tombstone first and lists what is beside it afterwards: one of the two sees the other's work. */
async function wasErasedMeanwhile(
  storage: Attempts,
  container: string,
  [own = '', beside = '']: readonly string[],
): Promise<boolean> {
  const found = await lookAt(storage, container, own);
  if (found === undefined || !isTombstone(found)) return false;
  await storage.attempt(container, (client, abortSignal) =>
    client.getBlockBlobClient(beside).deleteIfExists({ abortSignal }),
  );
  return true;
}

async function writeOrLook(
  storage: Attempts,
  { container, name }: { container: string; name: string },
  write: WriteIfNew,
  options: AttemptOptions,
): Promise<'written' | Record<string, string>> {
  for (let tries = 1; ; tries++) {
    try {
      await storage.attempt(container, (client, signal) => write(client.getBlockBlobClient(name), signal), options);
      return 'written';
    } catch (error) {
      // Not found is the source of a copy: somebody else has finished that copy and deleted it.
      if (!isAlreadyThere(error) && !isNotFound(error)) throw error;
      const found = await lookAt(storage, container, name);
      if (found !== undefined) return found;
      if (tries === MAX_TRIES)
        throw new StorageUnavailable(
          'A blob keeps appearing and disappearing: is another program using this container?',
          error,
        );
      await sleep(COPY_POLL_MS);
    }
  }
}

/** The metadata of the blob that stands there, once its bytes do; undefined when there is none (any more). */
async function lookAt(storage: Attempts, container: string, name: string): Promise<Record<string, string> | undefined> {
  try {
    return await storage.attempt(container, (client, signal) => settled(client.getBlockBlobClient(name), signal));
  } catch (error) {
    if (isNotFound(error) || isAlreadyThere(error)) return undefined;
    throw error;
  }
}

/** Waits for a copy to end; one that has failed leaves an empty blob behind, which is removed. */
async function settled(blob: BlockBlobClient, signal: AbortSignal): Promise<Record<string, string> | undefined> {
  for (;;) {
    // Stryker disable next-line ObjectLiteral: the attempt ends without it, and only the connection stays
    const { copyStatus, metadata = {}, etag } = await blob.getProperties({ abortSignal: signal });
    if (copyStatus === undefined || copyStatus === 'success') return metadata;
    if (copyStatus !== 'pending') {
      // Stryker disable next-line ConditionalExpression: storage always tells the etag, which its library does not promise
      await blob.delete({ abortSignal: signal, ...(etag === undefined ? {} : { conditions: { ifMatch: etag } }) });
      return undefined;
    }
    // Stryker disable next-line ObjectLiteral: the attempt ends without it
    await sleep(COPY_POLL_MS, undefined, { signal });
  }
}

/**
 * Copies within the account (https://learn.microsoft.com/rest/api/storageservices/copy-blob); done only when storage says
 * that the copy has succeeded.
 */
export function copyFrom(sourceUrl: string, metadata: BlobMetadata): WriteIfNew {
  return async (blob, signal) => {
    const copy = await blob.beginCopyFromURL(sourceUrl, {
      abortSignal: signal,
      conditions: { ifNoneMatch: '*' },
      metadata,
    });
    if (copy.isDone() || (await settled(blob, signal)) !== undefined) return;
    throw new RestError('The copy has failed', { statusCode: 503, code: 'ServerBusy' }); // worth another try
  };
}

/** The same through the app, in pieces, for an account that refuses to read the source of a copy. */
export function copyThrough(source: BlockBlobClient, metadata: BlobMetadata): WriteIfNew {
  return async (blob, abortSignal) => {
    const { readableStreamBody, contentType } = await source.download(0, undefined, {
      abortSignal,
      maxRetryRequests: DOWNLOAD_TRIES,
    });
    if (!(readableStreamBody instanceof Readable)) throw new Error('Only a browser gives no stream');
    try {
      await blob.uploadStream(readableStreamBody, THROUGH_BYTES, THROUGH_AT_ONCE, {
        abortSignal,
        ...(contentType === undefined ? {} : { blobHTTPHeaders: { blobContentType: contentType } }),
        conditions: { ifNoneMatch: '*' },
        metadata,
      });
    } finally {
      readableStreamBody.destroy();
    }
  };
}
