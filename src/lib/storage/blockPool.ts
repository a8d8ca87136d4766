import { WebhookError } from '../errors.ts';

/** 4 MiB and 2 bytes: a multiple of 3, so that whole base64 quanta fill a block, and over the 4 MiB from which Azure is fastest. */
export const BLOCK_BYTES = 4_194_306;

/** Who has a block lent, and can be asked to hand over what is in it. */
export interface Borrower {
  /** Sends the bytes on their way; the block comes back when they have arrived. */
  flush(): void;
}

/**
 * The block buffers of the whole process. They are made when first needed, lent, and used again, so that many deliveries
 * at once stay within `limit` blocks and none makes garbage. When all are lent, the borrower that has been still for
 * longest hands its block over: senders that do not move cannot keep those that do from being received.
 */
export class BlockPool {
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: ((block: Buffer) => void)[] = [];
  /** Those with a block that is not full yet, the one that has been still for longest first. */
  readonly #borrowers = new Set<Borrower>();
  #made = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many blocks are lent. */
  get lent(): number {
    return this.#made - this.#free.length;
  }

  /**
   * Lends a block; waits in line when all are lent.
   *
   * @throws {WebhookError} 503 `overloaded` when the signal fires first.
   */
  async take(borrower: Borrower, signal: AbortSignal): Promise<Buffer> {
    const block = await this.#next(signal);
    this.#borrowers.add(borrower);
    return block;
  }

  /** The borrower is at work on its block. */
  touch(borrower: Borrower): void {
    if (this.#borrowers.delete(borrower)) this.#borrowers.add(borrower);
  }

  /** The borrower has no block to fill any more; the block itself comes back with {@link giveBack}. */
  release(borrower: Borrower): void {
    this.#borrowers.delete(borrower);
  }

  /** Takes a lent block back. Nothing may read or write it any more. */
  giveBack(block: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(block);
    else next(block);
  }

  async #next(signal: AbortSignal): Promise<Buffer> {
    if (signal.aborted) throw overloaded();
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made < this.#limit) {
      this.#made++;
      return Buffer.allocUnsafeSlow(BLOCK_BYTES);
    }
    return new Promise((resolve, reject) => {
      const give = (block: Buffer) => {
        signal.removeEventListener('abort', leave);
        resolve(block);
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(give), 1);
        reject(overloaded());
      };
      this.#waiting.push(give);
      signal.addEventListener('abort', leave);
      const [stillest] = this.#borrowers;
      stillest?.flush();
    });
  }
}

function overloaded(): WebhookError {
  return new WebhookError('overloaded', 503, 'Too many large deliveries at once.', {
    hint: 'All block buffers stayed in use until the time limit. Lower the HTTP concurrency of an instance, or scale out.',
  });
}
