import { json } from 'node:stream/consumers';
import { type BlobClient, RestError } from '@azure/storage-blob';

/**
 * The stored body. Undefined when there is none to be read: it was deleted, or the call was erased, which leaves an empty
 * blob with `erased_at` in its metadata.
 */
export async function readTranscript(blob: BlobClient): Promise<unknown> {
  try {
    const { contentLength, metadata = {}, readableStreamBody } = await blob.download();
    if (contentLength && metadata['erased_at'] === undefined && readableStreamBody)
      return await json(readableStreamBody);
    readableStreamBody?.resume();
    return undefined;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  }
}
