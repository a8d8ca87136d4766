import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { type Attempts, isNoContainer } from './blobStorage.ts';

/** The service gives at most so many at once, and often fewer. */
const PAGE = 5_000;

export type Include = Omit<NonNullable<Parameters<ContainerClient['listBlobsFlat']>[0]>, 'prefix' | 'abortSignal'>;

/**
 * All blobs whose names begin with a prefix, in the order of their names, page by page as they are taken; none when there is no
 * container. Names are those in the container.
 */
export async function* listBlobs(
  storage: Attempts,
  { container, prefix }: { readonly container: string; readonly prefix: string },
  include: Include = { includeMetadata: true },
): AsyncGenerator<BlobItem, void, undefined> {
  let continuationToken: string | undefined;
  do {
    const page = await storage.attempt(container, (client, abortSignal) =>
      unlessMissing(async () => {
        const pages = client.listBlobsFlat({ ...include, prefix, abortSignal });
        const token = continuationToken === undefined ? {} : { continuationToken };
        return (await pages.byPage({ maxPageSize: PAGE, ...token }).next()).value;
      }),
    );
    yield* page?.segment.blobItems ?? [];
    continuationToken = page?.continuationToken || undefined;
  } while (continuationToken !== undefined);
}

/** The folders directly below a prefix, without it and without the slash. */
export async function listFolders(
  storage: Attempts,
  { container, prefix }: { readonly container: string; readonly prefix: string },
): Promise<string[]> {
  const found: string[] = [];
  let continuationToken: string | undefined;
  do {
    const page = await storage.attempt(container, (client, abortSignal) =>
      unlessMissing(async () => {
        const pages = client.listBlobsByHierarchy('/', { prefix, abortSignal });
        const token = continuationToken === undefined ? {} : { continuationToken };
        return (await pages.byPage({ maxPageSize: PAGE, ...token }).next()).value;
      }),
    );
    for (const { name } of page?.segment.blobPrefixes ?? []) found.push(name.slice(prefix.length, -1));
    continuationToken = page?.continuationToken || undefined;
  } while (continuationToken !== undefined);
  return found;
}

async function unlessMissing<T>(list: () => Promise<T>): Promise<T | undefined> {
  try {
    return await list();
  } catch (error) {
    if (isNoContainer(error)) return undefined;
    throw error;
  }
}
