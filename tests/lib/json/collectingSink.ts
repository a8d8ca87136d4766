import type { ByteSink } from '../../../src/lib/json/base64.ts';

/**
 * Gathers what is decoded in one block buffer that is used again and again, as the pool's are: once a block is full it is
 * taken away, its bytes are overwritten, and there is none until `ready` was awaited.
 */
export class CollectingSink implements ByteSink {
  readonly #buffer: Buffer;
  readonly #full: Buffer[] = [];
  block: Buffer | undefined;
  used = 0;
  timesReady = 0;

  constructor(blockBytes: number) {
    this.#buffer = Buffer.alloc(blockBytes);
  }

  wrote(length: number): void {
    this.used += length;
    if (this.block === undefined || this.used < this.block.length) return;
    if (this.used > this.block.length) throw new Error('More was written than the block holds.');
    this.#full.push(Buffer.from(this.block));
    this.block = undefined;
    this.used = 0;
    this.#buffer.fill('!');
  }

  async ready(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.provide();
  }

  /** Has a block at once. */
  provide(): void {
    this.timesReady++;
    this.block ??= this.#buffer;
  }

  get bytes(): Buffer {
    return Buffer.concat([...this.#full, this.#buffer.subarray(0, this.used)]);
  }
}
