import { createHash } from 'node:crypto';
import { type BlockBlobClient, type ContainerClient, RestError } from '@azure/storage-blob';
import type { Attempts } from '../../../src/lib/storage/blobStorage.ts';

interface Kept {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly metadata: Record<string, string>;
  readonly lastModified: Date;
}

type Operation = 'upload' | 'delete' | 'download' | 'getProperties';

/** What the state of pre-call needs of storage, in memory: small blobs that are changed on conditions. */
export interface MemoryStorage extends Attempts {
  /** By container and name. */
  readonly blobs: Map<string, Kept>;
  /** Told before each operation on a blob; what it throws, the operation throws. */
  before: (operation: Operation, name: string) => void | Promise<void>;
}

export function memoryStorage(): MemoryStorage {
  const blobs = new Map<string, Kept>();
  let changes = 0;

  const clientOf = (container: string, name: string) => {
    const path = `${container}/${name}`;
    /** Without a signal it would go on after its attempt has been given up. */
    const begin = async (operation: Operation, signal: object | undefined) => {
      if (signal === undefined) throw new Error(`${operation} of ${path} has no signal`);
      await storage.before(operation, path);
    };
    const check = (conditions: { ifMatch?: string; ifNoneMatch?: string } = {}) => {
      const standing = blobs.get(path);
      if (conditions.ifNoneMatch === '*' && standing !== undefined) throw refusal(409, 'BlobAlreadyExists');
      if (conditions.ifMatch !== undefined && standing === undefined) throw refusal(412, 'ConditionNotMet');
      if (conditions.ifMatch !== undefined && standing?.etag !== conditions.ifMatch)
        throw refusal(412, 'ConditionNotMet');
      return standing;
    };
    const client: Pick<BlockBlobClient, 'upload' | 'delete' | 'download' | 'getProperties'> = {
      upload: async (body, _length, { conditions, metadata = {}, abortSignal } = {}) => {
        await begin('upload', abortSignal);
        check(conditions);
        const etag = `"${++changes}"`;
        blobs.set(path, { bytes: Buffer.from(body as Buffer), etag, metadata, lastModified: new Date() });
        return { etag } as Awaited<ReturnType<BlockBlobClient['upload']>>;
      },
      delete: async ({ conditions, abortSignal } = {}) => {
        await begin('delete', abortSignal);
        if (check(conditions) === undefined) throw refusal(404, 'BlobNotFound');
        blobs.delete(path);
        return {} as Awaited<ReturnType<BlockBlobClient['delete']>>;
      },
      download: async (_offset, _count, { abortSignal } = {}) => {
        await begin('download', abortSignal);
        const standing = blobs.get(path);
        if (standing === undefined) throw refusal(404, 'BlobNotFound');
        const { bytes, etag, metadata } = standing;
        const readableStreamBody = (async function* () {
          yield bytes;
        })();
        return { readableStreamBody, etag, metadata } as unknown as Awaited<ReturnType<BlockBlobClient['download']>>;
      },
      getProperties: async ({ abortSignal } = {}) => {
        await begin('getProperties', abortSignal);
        const standing = blobs.get(path);
        if (standing === undefined) throw refusal(404, 'BlobNotFound');
        return { metadata: standing.metadata } as unknown as Awaited<ReturnType<BlockBlobClient['getProperties']>>;
      },
    };
    return client;
  };

  const containerOf = (container: string) => ({
    getBlobClient: (name: string) => clientOf(container, name),
    getBlockBlobClient: (name: string) => clientOf(container, name),
    listBlobsFlat({ prefix = '' } = {}) {
      const found = [...blobs].flatMap(([path, { bytes, metadata, lastModified }]) => {
        const name = path.slice(container.length + 1);
        const contentMD5 = createHash('md5').update(bytes).digest();
        return path.startsWith(`${container}/${prefix}`)
          ? [{ name, metadata, properties: { lastModified, contentMD5 } }]
          : [];
      });
      return {
        async *[Symbol.asyncIterator]() {
          yield* found;
        },
        async *byPage() {
          yield { segment: { blobItems: found } };
        },
      };
    },
  });

  const storage: MemoryStorage = {
    blobs,
    before: () => undefined,
    attempt: (container, operation, { signal = new AbortController().signal } = {}) =>
      operation(containerOf(container) as unknown as ContainerClient, signal),
    until: () => storage,
  };
  return storage;
}

function refusal(statusCode: number, code: string): RestError {
  return new RestError(code, { statusCode, code });
}
