import { randomBytes, randomUUID } from 'node:crypto';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { BLOCK_BYTES } from '../../src/lib/storage/blockPool.ts';
import type { LoadCommand } from './commands.ts';
import type { Jobs } from './drive.ts';
import { transcriptBody } from './transcriptBody.ts';

type Uploads = Extract<LoadCommand, { kind: 'uploads' }>;
type Blocks = Extract<LoadCommand, { kind: 'blocks' }>;

/** As many as the app has on their way for one recording. */
const BLOCKS_AT_ONCE = 2;

/** What keeping a transcript costs without any app. */
export async function uploads({ storage, bodyBytes, count, atOnce }: Uploads): Promise<Jobs> {
  const container = await openContainer(storage);
  const jobs = Array.from({ length: count }, () => {
    const body = transcriptBody(bodyBytes);
    return () => container.getBlockBlobClient(randomUUID()).upload(body, body.length);
  });
  return { jobs, atOnce };
}

/** What staging recordings costs without any app. */
export async function blocks({ storage, audioBytes, count }: Blocks): Promise<Jobs> {
  const container = await openContainer(storage);
  const content = randomBytes(BLOCK_BYTES);
  const blocksEach = Math.ceil(audioBytes / BLOCK_BYTES);
  const jobs = Array.from({ length: count }, () => {
    const blob = container.getBlockBlobClient(randomUUID());
    return Array.from({ length: blocksEach }, (_, index) => {
      const id = Buffer.from(String(index).padStart(6, '0')).toString('base64');
      const length = Math.min(BLOCK_BYTES, audioBytes - index * BLOCK_BYTES);
      return () => blob.stageBlock(id, content.subarray(0, length), length);
    });
  });
  return { jobs: jobs.flat(), atOnce: Math.min(BLOCKS_AT_ONCE, blocksEach) };
}

async function openContainer(storage: string): Promise<ContainerClient> {
  const container = BlobServiceClient.fromConnectionString(storage).getContainerClient('bare');
  await container.createIfNotExists();
  return container;
}
