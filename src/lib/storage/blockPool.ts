import { WebhookError } from '../errors.ts';

/** 4 MiB and 2 bytes: a multiple of 3, so that whole base64 quanta fill a block, and over the 4 MiB from which Azure is fastest. */
export const BLOCK_BYTES = 4_194_306;

/** So much has to be written for a holder to count as making progress: a byte now and then does not. */
export const PROGRESS_BYTES = 32 * 1024;

/** Who hands a block over with less in it waits behind all others for the next one. */
export const WORTHWHILE_BYTES = 128 * 1024;

/** Who has a block leased, and can be asked to hand over what is in it. */
export interface LeaseHolder {
  /** Waits behind all others: nobody waits for what it does. */
  readonly givesWay?: boolean;
  /** Sends the bytes on their way; the block comes back when they have arrived. */
  flush(): void;
}

interface Lease {
  bytes: number;
  bytesSinceProgress: number;
}

interface Waiter {
  readonly holder: LeaseHolder;
  readonly give: (block: Buffer) => void;
}

/**
 * The block buffers of the whole process. They are made when first needed, leased, and used again, so that many deliveries
 * at once stay within `limit` blocks and none makes garbage.
 *
 * When all are leased, holders are asked to hand theirs over, the one without progress for longest first, so that while
 * anybody waits there are always blocks on their way back: as many as wait, at most a quarter of all. The other three
 * quarters stay with those that progress most. Blocks go to those who wait in their order; but a holder that handed
 * its last one over with less than {@link WORTHWHILE_BYTES} in it waits behind all that did not, and when only such wait, one block
 * at a time is asked for.
 *
 * So a delivery that fills its blocks waits for no more than one block of each other one, unless that other one has paid
 * for a further turn with {@link WORTHWHILE_BYTES}; and those that drip cost one small write at a time, not one for each drop.
 */
export class BlockPool {
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #waiting = new Set<Waiter>();
  readonly #waitingBehind = new Set<Waiter>();
  /** Those with a block that is not full yet, the one without progress for longest first. */
  readonly #leases = new Map<LeaseHolder, Lease>();
  readonly #behind = new WeakSet<LeaseHolder>();
  #made = 0;
  #isGoingToAsk = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many blocks are leased. */
  get leased(): number {
    return this.#made - this.#free.length;
  }

  /**
   * Leases a block; waits in line when all are leased.
   *
   * @throws {WebhookError} When the signal fires first: its reason when that is one, else 503 `overloaded`.
   */
  take(holder: LeaseHolder, signal: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(refusal(signal));
        return;
      }
      const waiter: Waiter = {
        holder,
        give: (block) => {
          signal.removeEventListener('abort', leave);
          this.#leases.set(holder, { bytes: 0, bytesSinceProgress: 0 });
          resolve(block);
        },
      };
      const line = holder.givesWay || this.#behind.has(holder) ? this.#waitingBehind : this.#waiting;
      const leave = () => {
        line.delete(waiter);
        reject(refusal(signal));
      };
      const block = this.#free.pop() ?? this.#make();
      if (block !== undefined) {
        waiter.give(block);
        return;
      }
      line.add(waiter);
      signal.addEventListener('abort', leave);
      this.#askSoon();
    });
  }

  /** The holder has written to its block. */
  wrote(holder: LeaseHolder, bytes: number): void {
    const lease = this.#leases.get(holder);
    if (lease === undefined) return;
    lease.bytes += bytes;
    lease.bytesSinceProgress += bytes;
    if (lease.bytesSinceProgress < PROGRESS_BYTES) return;
    lease.bytesSinceProgress = 0;
    this.#leases.delete(holder);
    this.#leases.set(holder, lease);
  }

  /** The holder has no block to fill any more; the block itself comes back with {@link giveBack}. */
  release(holder: LeaseHolder): void {
    const lease = this.#leases.get(holder);
    if (lease === undefined) return;
    this.#leases.delete(holder);
    if (lease.bytes < WORTHWHILE_BYTES) this.#behind.add(holder);
    else this.#behind.delete(holder);
  }

  /** Takes a leased block back. Nothing may read or write it any more. */
  giveBack(block: Buffer): void {
    const line = this.#waiting.size > 0 ? this.#waiting : this.#waitingBehind;
    const [next] = line;
    if (next === undefined) {
      this.#free.push(block);
      return;
    }
    line.delete(next);
    next.give(block);
    this.#askSoon();
  }

  #make(): Buffer | undefined {
    if (this.#made === this.#limit) return undefined;
    this.#made++;
    return Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Not at once: whoever was given a block has to have had time to write what it has at hand. */
  #askSoon(): void {
    // Stryker disable next-line ConditionalExpression: who asks again finds nothing to ask for
    if (this.#isGoingToAsk) return;
    // Stryker disable next-line BooleanLiteral: the same
    this.#isGoingToAsk = true;
    setImmediate(() => {
      this.#isGoingToAsk = false;
      this.#ask();
    });
  }

  #ask(): void {
    for (const holder of [...this.#leases.keys()]) {
      const onTheirWay = this.leased - this.#leases.size;
      if (onTheirWay >= this.#wanted()) return;
      holder.flush();
    }
  }

  #wanted(): number {
    if (this.#waiting.size === 0) return Math.min(this.#waitingBehind.size, 1);
    return Math.min(this.#waiting.size, Math.ceil(this.#limit / 4));
  }
}

function refusal({ reason }: AbortSignal): WebhookError {
  if (reason instanceof WebhookError) return reason;
  return new WebhookError('overloaded', 503, 'Too many large deliveries at once.', {
    hint: 'All block buffers stayed in use until the time limit. Lower the HTTP concurrency of an instance, or scale out.',
  });
}
