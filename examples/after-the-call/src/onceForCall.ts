import { type ContainerClient, RestError } from '@azure/storage-blob';

/** Longer than handing on may take. A process that dies holds the call back for so long. */
const LEASE_SECONDS = 60;

/**
 * Runs `work` for a call unless it has been done before. Each call has a marker, an empty blob: whoever holds its lease works,
 * and it says `handed_on_at` once that is done. So two messages of one call are never handed on at once, and a process that
 * dies half-way does not lose the call: the message comes again, and the marker does not say that it is done.
 *
 * Throws when another message of this call is being worked on: this one comes again, and finds out how that ended.
 *
 * @returns whether it was done now.
 */
export async function onceForCall(
  markers: ContainerClient,
  conversationId: string,
  work: () => Promise<void>,
): Promise<boolean> {
  const marker = markers.getBlockBlobClient(conversationId);
  const isDone = async () => (await marker.getProperties()).metadata?.['handed_on_at'] !== undefined;
  const isNew = await createMarker(markers, conversationId);
  if (!isNew && (await isDone())) return false;

  const lease = marker.getBlobLeaseClient();
  const { leaseId } = await lease.acquireLease(LEASE_SECONDS).catch((cause: unknown) => {
    if (codeOf(cause) !== 'LeaseAlreadyPresent') throw cause;
    throw new Error('Another message of this call is being worked on', { cause });
  });
  try {
    // Since the first look, another message may have been through.
    if (await isDone()) return false;
    await work();
    await marker.setMetadata(
      { handed_on_at: new Date().toISOString() },
      { conditions: leaseId === undefined ? {} : { leaseId } },
    );
    return true;
  } finally {
    // Where this fails, the lease ends by itself.
    await lease.releaseLease().catch(() => {});
  }
}

/** First writer wins: `If-None-Match: *` creates the marker, and tells everybody else that it exists. */
async function createMarker(markers: ContainerClient, name: string): Promise<boolean> {
  try {
    await markers.getBlockBlobClient(name).upload('', 0, { conditions: { ifNoneMatch: '*' } });
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'BlobAlreadyExists' || code === 'LeaseIdMissing') return false;
    if (code !== 'ContainerNotFound') throw error;
    await markers.createIfNotExists();
    return createMarker(markers, name);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof RestError ? error.code : undefined;
}
