import { WebhookError } from '../errors.ts';

/** 4 MiB and 2 bytes: a multiple of 3, so that whole base64 quanta fill a block, and over the 4 MiB from which Azure is fastest. */
export const BLOCK_BYTES = 4_194_306;

/**
 * The block buffers of the whole process. They are made when first needed, lent, and used again, so that many deliveries
 * at once stay within `limit` blocks and none makes garbage.
 */
export class BlockPool {
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: ((block: Buffer) => void)[] = [];
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
  async take(signal: AbortSignal): Promise<Buffer> {
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
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Takes a lent block back. Nothing may read or write it any more. */
  giveBack(block: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(block);
    else next(block);
  }
}

function overloaded(): WebhookError {
  return new WebhookError('overloaded', 503, 'Too many large deliveries at once.', {
    hint: 'All block buffers stayed in use until the time limit. Lower the HTTP concurrency of an instance, or scale out.',
  });
}
