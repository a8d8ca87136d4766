import { createHash } from 'node:crypto';
import type { FromApi } from '../elevenlabs/apiBody.ts';
import type { Genuine } from '../signature/signedBody.ts';
import type { Attempts } from './blobStorage.ts';

/**
 * Where bytes come from, proved: a signed body, an answer of the ElevenLabs API, or a blob of our own. Whatever commits a
 * call asks for one, and only the reader that has seen the last byte of such a source can give it.
 */
export type Proof = Genuine | FromApi | FromStorage;

declare const verified: unique symbol;

/** Proof that bytes are those of a stored blob: their sha256 is the one in its metadata. */
export interface FromStorage {
  readonly [verified]: true;
  readonly source: 'replay';
  /** The signature's `t` in Unix seconds, when the bytes were delivered; 0 when the metadata does not say it. */
  readonly signedAtSeconds: number;
  /** Position of the secret that matched then; 0 when the metadata does not say it. */
  readonly secretPosition: number;
}

/**
 * In place of a proof, where no sender is: what the app does by itself (timers, start) and what an operator's command does. It
 * writes down nothing that a sender has chosen but ids that were proved before.
 */
export interface Upkeep {
  readonly [verified]: true;
  readonly source: 'upkeep';
}

/** Never for a delivery: a test sees to it that nothing of their ways asks for it. */
export function upkeep(): Upkeep {
  return { source: 'upkeep' } as Upkeep; // the only place that may state it
}

/** The bytes of a stored blob as a stream that ends only if they are the ones that were stored. */
export class StoredBody implements AsyncIterable<Uint8Array> {
  readonly metadata: Readonly<Record<string, string>>;
  readonly #stream: AsyncIterable<Uint8Array>;
  #proof: FromStorage | undefined;

  private constructor(stream: AsyncIterable<Uint8Array>, metadata: Readonly<Record<string, string>>) {
    this.#stream = stream;
    this.metadata = metadata;
  }

  /** @throws {RestError} 404 when there is no such blob; see `isNotFound`. */
  static open(storage: Attempts, container: string, name: string): Promise<StoredBody> {
    return storage.attempt(container, async (client) => {
      const { readableStreamBody, metadata = {} } = await client.getBlobClient(name).download();
      if (readableStreamBody === undefined) throw new Error('Only a browser gives no stream');
      return new StoredBody(readableStreamBody as AsyncIterable<Uint8Array>, metadata); // Node's streams give buffers
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const hash = createHash('sha256');
    for await (const bytes of this.#stream) {
      hash.update(bytes);
      yield bytes;
    }
    if (hash.digest('hex') !== this.metadata['sha256']) {
      throw new Error('The bytes of the blob are not those whose sha256 is in its metadata.');
    }
    const number = (name: string) => Number(this.metadata[name] ?? 0);
    const [signedAtSeconds, secretPosition] = [number('signature_timestamp'), number('secret_position')];
    this.#proof = { source: 'replay', signedAtSeconds, secretPosition } as FromStorage; // the only place that may state it
  }

  /** @throws {Error} when the iteration has not ended normally: a mistake in the calling code. */
  proof(): FromStorage {
    if (this.#proof === undefined) throw new Error('The blob has not been read to its end.');
    return this.#proof;
  }
}
