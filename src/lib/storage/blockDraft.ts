import { createHash, randomUUID } from 'node:crypto';
import type { ByteSink } from '../json/base64.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from './blobStorage.ts';
import type { BlockPool } from './blockPool.ts';
import { finishIncoming, incomingMetadata } from './incoming.ts';
import { type BlobMetadata, type DeliveryMetadata, type Kept, keepOnce, type Place } from './keepOnce.ts';
import type { Proof } from './proof.ts';

export interface DraftContext {
  readonly storage: Attempts;
  readonly pool: BlockPool;
  readonly incoming: StoragePath;
  /** Ends the waiting for a block buffer. */
  readonly deadline: AbortSignal;
  /** For work that nobody waits for: deliveries get their blocks first. */
  readonly givesWay?: boolean;
}

const BLOCKS_IN_FLIGHT = 2;

/** Hashed while still in the processor's cache, but not for every few bytes. */
// Stryker disable next-line ArithmeticOperator: in smaller steps it is the same hash
const HASH_STEP_BYTES = 32 * 1024;

/**
 * A blob in the making. Bytes are hashed and gathered into blocks, and full blocks are staged under a random name while
 * further bytes arrive; at most one block is being filled and {@link BLOCKS_IN_FLIGHT} are on their way. Nothing is visible
 * before {@link publish}, which asks for the proof of where the bytes come from.
 */
export class BlockDraft implements ByteSink {
  readonly #context: DraftContext;
  readonly #name: string;
  readonly #hash = createHash('sha256');
  readonly #abandoned = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #blockIds: string[] = [];
  #block: Buffer | undefined;
  #used = 0;
  #hashed = 0;
  #length = 0;
  #failure: unknown;

  constructor(context: DraftContext) {
    this.#context = context;
    this.#name = `${context.incoming.prefix}${randomUUID()}`;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** The sha256 of all bytes written so far, in hex. */
  get sha256(): string {
    this.#hashNew();
    return this.#hash.copy().digest('hex');
  }

  get givesWay(): boolean {
    return this.#context.givesWay === true;
  }

  get block(): Buffer | undefined {
    return this.#block;
  }

  get used(): number {
    return this.#used;
  }

  wrote(length: number): void {
    this.#used += length;
    this.#length += length;
    this.#context.pool.wrote(this, length);
    // Stryker disable next-line all: hashed later it is the same hash
    if (this.#used - this.#hashed >= HASH_STEP_BYTES) this.#hashNew();
    // Stryker disable next-line OptionalChaining: without a block nothing can have been written
    if (this.#used === this.#block?.length) this.flush();
  }

  /**
   * Resolves when there is a block to write to.
   *
   * @throws {StorageUnavailable} when an earlier block could not be staged.
   */
  async ready(): Promise<void> {
    while (this.#inFlight.size >= BLOCKS_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#throwFailure();
    if (this.#block !== undefined) return;
    this.#block = await this.#context.pool.take(this, this.#context.deadline);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      await this.ready();
      const block = this.#block as Buffer; // ready() has made one
      const piece = bytes.subarray(at, at + block.length - this.#used);
      block.set(piece, this.#used);
      this.wrote(piece.length);
      at += piece.length;
    }
  }

  /** Stages what is in the block at hand and holds none any more: nobody may hold one while waiting for another. */
  flush(): void {
    const block = this.#block;
    if (block === undefined) return;
    const content = this.#filled();
    this.#hashNew();
    this.#dropBlock();
    if (content.length === 0) this.#context.pool.giveBack(block);
    else this.#stage(content, () => this.#context.pool.giveBack(block));
  }

  /**
   * Makes the bytes visible at their place and returns when they are durable there. A draft of one block is put in one
   * request; a larger one is committed under its random name, copied within the account, and deleted.
   *
   * @throws {StorageUnavailable} When only the copy failed, the committed blob stays in `incoming`, and `sweep` finishes it.
   */
  async publish(proof: Proof, place: Place, metadata: DeliveryMetadata): Promise<Kept> {
    const complete: BlobMetadata = { ...metadata, source: proof.source, sha256: this.sha256 };
    if (this.#blockIds.length === 0) {
      this.#context.pool.release(this); // the block is being sent: it cannot be handed over
      return putOnce(proof, this.#context.storage, place, complete, this.#filled());
    }
    this.flush();
    await Promise.all(this.#inFlight);
    this.#throwFailure();
    const { storage, incoming } = this.#context;
    await storage.attempt(incoming.container, (container, abortSignal) =>
      container.getBlockBlobClient(this.#name).commitBlockList(this.#blockIds, {
        abortSignal,
        blobHTTPHeaders: { blobContentType: place.contentType },
        metadata: incomingMetadata(place, complete),
      }),
    );
    return finishIncoming(storage, incoming.container, this.#name, place, complete);
  }

  /** Lets go of everything. What was staged and not published stays invisible and expires by itself. */
  async abandon(): Promise<void> {
    // Stryker disable next-line ConditionalExpression,EqualityOperator: where nothing is on its way there is nothing to end
    if (this.#inFlight.size > 0) {
      this.#abandoned.abort();
      await Promise.all(this.#inFlight);
    }
    const block = this.#block;
    this.#dropBlock();
    if (block !== undefined) this.#context.pool.giveBack(block);
  }

  #dropBlock(): void {
    this.#context.pool.release(this);
    this.#block = undefined;
    this.#used = 0;
    this.#hashed = 0;
  }

  #hashNew(): void {
    this.#hash.update(this.#filled(this.#hashed));
    this.#hashed = this.#used;
  }

  #filled(from = 0): Buffer {
    return this.#block?.subarray(from, this.#used) ?? Buffer.alloc(0);
  }

  #stage(content: Buffer, release: () => void): void {
    const id = Buffer.from(String(this.#blockIds.length).padStart(6, '0')).toString('base64');
    this.#blockIds.push(id);
    const staged = this.#context.storage
      .attempt(
        this.#context.incoming.container,
        (container, abortSignal) =>
          // Stryker disable next-line ObjectLiteral: the attempt ends without it, and only the connection stays
          container.getBlockBlobClient(this.#name).stageBlock(id, content, content.length, { abortSignal }),
        { signal: this.#abandoned.signal },
      )
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .then(() => {
        this.#inFlight.delete(staged);
        release();
      });
    this.#inFlight.add(staged);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Puts a small blob in one request. */
export function putOnce(
  { source }: Proof,
  storage: Attempts,
  place: Place,
  described: BlobMetadata,
  bytes: Buffer,
): Promise<Kept> {
  const metadata = { ...described, source };
  return keepOnce(storage, place, metadata, (blob, abortSignal) =>
    blob.upload(bytes, bytes.length, {
      abortSignal,
      blobHTTPHeaders: { blobContentType: place.contentType },
      conditions: { ifNoneMatch: '*' },
      metadata,
    }),
  );
}
