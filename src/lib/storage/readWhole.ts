import type { BlobClient } from '@azure/storage-blob';

/** All bytes of a small blob. Give it a blob whose size is known to be small: nothing is bounded here. */
export async function readWhole(blob: BlobClient, abortSignal: AbortSignal): Promise<Buffer> {
  const answer = await blob.download(0, undefined, { abortSignal });
  const chunks: Buffer[] = [];
  for await (const chunk of answer.readableStreamBody ?? []) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
