import { WebhookError } from '../errors.ts';

/** Who holds a body in memory, or most of it, and can be told to drop it. */
export interface BodyHolder {
  letGo(): void;
}

/**
 * What all bodies that are held in memory may hold together while they arrive. When that is used up, the one that holds most
 * lets go: a few greedy senders, who need no secret, cannot use up the memory that everybody else's small events need.
 */
export class BodyMemory {
  readonly #limitBytes: number;
  readonly #held = new Map<BodyHolder, number>();
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The holder is going to hold so much in all; it may be told to let go at once. */
  hold(holder: BodyHolder, bytes: number): void {
    this.release(holder);
    this.#held.set(holder, bytes);
    this.#heldBytes += bytes;
    while (this.#heldBytes > this.#limitBytes) this.#letLargestGo();
  }

  /** The holder holds nothing any more, or only what is genuine. */
  release(holder: BodyHolder): void {
    this.#heldBytes -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }

  #letLargestGo(): void {
    let largest: BodyHolder | undefined;
    let most = 0;
    for (const [holder, bytes] of this.#held) {
      if (bytes <= most) continue;
      largest = holder;
      most = bytes;
    }
    if (largest === undefined) throw new Error('Nobody holds what is held');
    this.release(largest);
    largest.letGo();
  }
}

/** 503, for a delivery that had to let go of its body. */
export function hadToLetGo(): WebhookError {
  return new WebhookError('overloaded', 503, 'Too many large deliveries at once.', {
    hint:
      'The bodies of all deliveries at once were more than an instance may hold, and this one held most. Transcripts are some ' +
      'tens of kB: does somebody send forged bodies? Lower the HTTP concurrency of an instance, or restrict addresses.',
  });
}
