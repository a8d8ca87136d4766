import { WebhookError } from '../errors.ts';

/** So much has to arrive for a body to count as making progress: a byte now and then does not. */
export const PROGRESS_BYTES = 64 * 1024;

interface Ledger {
  readonly limitBytes: number;
  heldBytes: number;
  /** Bodies that may be evicted, the one without progress for longest first. */
  readonly arriving: Set<HeldBody>;
}

/**
 * What the bodies of all deliveries of a process may hold in memory together. Every byte counts from its arrival until it is
 * freed, also while a body waits for a block buffer or is being stored.
 *
 * Beyond the limit bodies are evicted: always the one for which it is longest ago that {@link PROGRESS_BYTES} more of it
 * arrived, however much it holds. Nobody knows which of the arriving bodies is genuine, but one that is evicted before
 * another must have been slower than that one: strangers who hold memory by standing still or dripping go first, and to outlive a
 * genuine body each of theirs has to arrive faster than it does, and soon reaches its size limit. A body that is complete
 * and genuine is never evicted; when such bodies alone reach the limit, new ones are refused.
 */
export class BodyMemory {
  readonly #ledger: Ledger;

  constructor(limitBytes: number) {
    this.#ledger = { limitBytes, heldBytes: 0, arriving: new Set() };
  }

  get heldBytes(): number {
    return this.#ledger.heldBytes;
  }

  /** For one delivery, which has to release it in the end. */
  open(): HeldBody {
    return new HeldBody(this.#ledger);
  }
}

/** What one delivery holds of its body. */
export class HeldBody {
  readonly #ledger: Ledger;
  readonly #evicted = new AbortController();
  #bytes = 0;
  #bytesSinceProgress = 0;
  #isKept = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Fires when the body has to be dropped at once; its reason is what to answer. */
  get evicted(): AbortSignal {
    return this.#evicted.signal;
  }

  /** So much more of the body has arrived. It says nothing about what is held. */
  arrived(bytes: number): void {
    this.#bytesSinceProgress += bytes;
    if (this.#bytesSinceProgress < PROGRESS_BYTES) return;
    this.#bytesSinceProgress = 0;
    if (this.#ledger.arriving.delete(this)) this.#ledger.arriving.add(this);
  }

  /**
   * The delivery is going to hold so many bytes in all.
   *
   * @throws {WebhookError} 503 `overloaded` when it is evicted, now or before.
   */
  hold(bytes: number): void {
    if (this.evicted.aborted) throw bodyEvicted();
    const { arriving } = this.#ledger;
    this.#count(bytes);
    if (!this.#isKept) arriving.add(this);
    for (const leastRecentlyActive of arriving) {
      if (this.#ledger.heldBytes <= this.#ledger.limitBytes) return;
      leastRecentlyActive.#evict();
      if (leastRecentlyActive === this) throw bodyEvicted();
    }
  }

  /** The body is complete and genuine: what it holds still counts, but it is not evicted any more. */
  keep(): void {
    this.#isKept = true;
    this.#ledger.arriving.delete(this);
  }

  /** Nothing is held any more. */
  release(): void {
    this.#count(0);
    this.#ledger.arriving.delete(this);
  }

  #count(bytes: number): void {
    this.#ledger.heldBytes += bytes - this.#bytes;
    this.#bytes = bytes;
  }

  #evict(): void {
    this.release();
    this.#evicted.abort(bodyEvicted());
  }
}

/** 503, for a delivery whose body was dropped. */
export function bodyEvicted(): WebhookError {
  return new WebhookError('overloaded', 503, 'Too many large deliveries at once.', {
    hint:
      'The bodies being received were more than an instance may hold, and this one had gone longest without progress. ' +
      'If somebody sends forged bodies, lower the HTTP concurrency of an instance, or restrict addresses.',
  });
}
