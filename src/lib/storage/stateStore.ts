import { randomUUID } from 'node:crypto';
import type { BlockBlobClient } from '@azure/storage-blob';
import type * as z from 'zod/mini';
import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isAlreadyThere, isNotFound } from './blobStorage.ts';

/** A record as it stood when it was read or written; `etag` is what a change of it is conditional on. */
export interface StateRecord<T> {
  readonly name: string;
  readonly value: T;
  readonly etag: string;
}

/** One kind of record: its folder (none when empty) and what a value looks like. */
export interface RecordKind<T> {
  readonly folder: string;
  readonly schema: z.ZodMiniType<T>;
  /** What a listing is to say of it, for example an id that is looked for. */
  metadata?(value: T, bytes: Buffer): Readonly<Record<string, string>>;
  /** For what others may write as well: what a record is read as that is no such value, or too large. Without it that throws. */
  readonly unusable?: { readonly limitBytes: number; readonly as: (reason: 'broken' | 'too-large') => T };
}

interface Stored<T> extends StateRecord<T> {
  readonly writeId: string | undefined;
}

/**
 * What the app writes down: small JSON blobs, changed only on condition that nobody else has changed them since. There is no
 * database and nothing on the instance, so any instance can go on where another one stopped.
 */
export class StateStore {
  readonly #storage: Attempts;
  readonly #path: StoragePath;

  constructor(storage: Attempts, path: StoragePath) {
    this.#storage = storage;
    this.#path = path;
  }

  /** Writes a record that must not exist yet; when it does, the standing one comes back instead. */
  async create<T>(
    kind: RecordKind<T>,
    name: string,
    value: T,
  ): Promise<{ readonly isNew: boolean; readonly record: StateRecord<T> }> {
    for (;;) {
      const { written, standing } = await this.#write(kind, name, value, { ifNoneMatch: '*' });
      if (written !== undefined) return { isNew: true, record: written };
      if (standing !== undefined) return { isNew: false, record: standing };
    }
  }

  async read<T>(kind: RecordKind<T>, name: string): Promise<StateRecord<T> | undefined> {
    return this.#read(kind, name);
  }

  /** Replaces a record; undefined when it has been changed or removed since it was read. */
  async replace<T>(kind: RecordKind<T>, record: StateRecord<T>, value: T): Promise<StateRecord<T> | undefined> {
    return (await this.#write(kind, record.name, value, { ifMatch: record.etag })).written;
  }

  /** Removes a record; false when it has been changed since it was read. */
  async remove<T>(kind: RecordKind<T>, record: StateRecord<T>): Promise<boolean> {
    try {
      await this.#attempt(kind, record.name, (blob, abortSignal) =>
        blob.delete({ abortSignal, conditions: { ifMatch: record.etag } }),
      );
      return true;
    } catch (error) {
      if (isNotFound(error)) return true;
      // The condition fails as well for what is gone, for example when the answer to our own removal was lost.
      if (isAlreadyThere(error)) return (await this.#read(kind, record.name)) === undefined;
      throw error;
    }
  }

  /** The names of all records of a kind, with the time of their last change in milliseconds. */
  async list<T>(kind: RecordKind<T>): Promise<{ readonly name: string; readonly changedAt: number }[]> {
    const prefix = this.#folderOf(kind);
    return this.#storage.attempt(this.#path.container, async (container, abortSignal) => {
      const found: { name: string; changedAt: number }[] = [];
      for await (const blob of container.listBlobsFlat({ prefix, abortSignal })) {
        const name = blob.name.slice(prefix.length).replace(/\.json$/, '');
        found.push({ name, changedAt: blob.properties.lastModified.getTime() });
      }
      return found;
    });
  }

  async #write<T>(
    kind: RecordKind<T>,
    name: string,
    value: T,
    conditions: { ifNoneMatch: '*' } | { ifMatch: string },
  ): Promise<{ readonly written?: StateRecord<T>; readonly standing?: StateRecord<T> | undefined }> {
    const writeId = randomUUID();
    const bytes = Buffer.from(JSON.stringify(value));
    try {
      const { etag } = await this.#attempt(kind, name, (blob, abortSignal) =>
        blob.upload(bytes, bytes.length, {
          abortSignal,
          conditions,
          blobHTTPHeaders: { blobContentType: 'application/json' },
          metadata: { ...kind.metadata?.(value, bytes), write_id: writeId },
        }),
      );
      // Stryker disable next-line StringLiteral: storage always tells the etag, which its library does not promise
      return { written: { name, value, etag: etag ?? '' } };
    } catch (error) {
      if (isNotFound(error)) return {};
      if (!isAlreadyThere(error)) throw error;
      // Our own write whose answer was lost has been repeated and found itself.
      const standing = await this.#read(kind, name);
      return standing?.writeId === writeId ? { written: standing } : { standing };
    }
  }

  async #read<T>(kind: RecordKind<T>, name: string): Promise<Stored<T> | undefined> {
    const found = await this.#attempt(kind, name, async (blob, abortSignal) => {
      // Stryker disable next-line ObjectLiteral: the attempt ends without it, and only the connection stays
      const answer = await blob.download(0, undefined, { abortSignal });
      const chunks: Buffer[] = [];
      const limitBytes = kind.unusable?.limitBytes ?? Number.POSITIVE_INFINITY;
      let bytes = 0;
      // Stryker disable next-line ArrayDeclaration: in Node there is always a stream
      for await (const chunk of answer.readableStreamBody ?? []) {
        bytes += chunk.length;
        if (bytes > limitBytes) break;
        chunks.push(Buffer.from(chunk));
      }
      // Stryker disable next-line StringLiteral: as above
      const etag = answer.etag ?? '';
      // Stryker disable next-line OptionalChaining: every answer has metadata, be it none
      const writeId = answer.metadata?.['write_id'];
      return { text: bytes > limitBytes ? undefined : Buffer.concat(chunks).toString(), etag, writeId };
    }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    // Not within the attempt, which would take a record that cannot be understood for storage that cannot be reached.
    return { name, value: readAs(kind, found.text), etag: found.etag, writeId: found.writeId };
  }

  #attempt<R>(
    kind: { folder: string },
    name: string,
    operation: (blob: BlockBlobClient, signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    return this.#storage.attempt(this.#path.container, (container, signal) =>
      operation(container.getBlockBlobClient(`${this.#folderOf(kind)}${name}.json`), signal),
    );
  }

  #folderOf({ folder }: { readonly folder: string }): string {
    return this.#path.prefix + (folder === '' ? '' : `${folder}/`);
  }
}

/** @param text undefined when it is too large. */
function readAs<T>({ schema, unusable }: RecordKind<T>, text: string | undefined): T {
  try {
    if (text !== undefined) return schema.parse(JSON.parse(text));
  } catch (error) {
    if (unusable === undefined) throw error;
  }
  if (unusable === undefined) throw new Error('Nobody limits what has no value for it');
  return unusable.as(text === undefined ? 'too-large' : 'broken');
}
