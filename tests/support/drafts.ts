import { randomBytes } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { inject } from 'vitest';
import { parseSignatureHeader } from '../../src/lib/signature/header.ts';
import { type Genuine, SignedBody } from '../../src/lib/signature/signedBody.ts';
import { Verifier } from '../../src/lib/signature/verifier.ts';
import { BlobStorage, type RetryBudget } from '../../src/lib/storage/blobStorage.ts';
import type { BlobMetadata, Place } from '../../src/lib/storage/keepOnce.ts';
import { sign } from '../lib/signature/sign.ts';

/** Time for a machine that does much else. */
const PATIENT: RetryBudget = { totalMs: 25_000, tryMs: 15_000 };

export const storageAt = (connectionString: string, budget = PATIENT) =>
  new BlobStorage({ kind: 'connection-string', connectionString }, budget);

/** The proof that a body was genuine, got as everybody has to get it. */
export async function genuine(): Promise<Genuine> {
  const body = new SignedBody({
    stream: null,
    verifier: new Verifier(parseSignatureHeader(sign('wsec_test', 5, '')), ['wsec_test']),
    signedAtSeconds: 5,
    limitBytes: 0,
    expectedBytes: 0,
    deadline: new AbortController().signal,
  });
  for await (const _bytes of body);
  return body.proof();
}

export function newPlace(): Place {
  const id = randomBytes(4).toString('hex');
  return {
    container: `calls-${id}`,
    stem: 'folder/agent_1/conv_1',
    extension: 'json',
    contentType: 'application/json',
  };
}

export const metadataOf = (sha256: string, delivery: string): BlobMetadata => ({ sha256, delivery_id: delivery });

/** What stands in a container: names, texts, metadata and content types. */
export async function contentOf(container: string) {
  const client = BlobServiceClient.fromConnectionString(inject('storage')).getContainerClient(container);
  if (!(await client.exists())) return [];
  const found: { name: string; bytes: Buffer; metadata: Record<string, string>; contentType: string | undefined }[] =
    [];
  for await (const { name, metadata = {}, properties } of client.listBlobsFlat({ includeMetadata: true })) {
    const bytes = await client.getBlobClient(name).downloadToBuffer();
    found.push({ name, bytes, metadata, contentType: properties.contentType });
  }
  return found;
}
