import type { Readable } from 'node:stream';
import { BodyError, SignatureError } from '../errors.ts';
import type { Verifier } from './verifier.ts';

const STREAM_EVENTS = ['readable', 'end', 'error', 'close'] as const;

declare const verified: unique symbol;

/** Proof that a whole body was genuine. Only a SignedBody that has ended can give one; whatever commits asks for it. */
export interface Genuine {
  readonly [verified]: true;
  readonly source: 'webhook';
  /** The signature's `t` in Unix seconds. */
  readonly signedAtSeconds: number;
  /** Position of the secret that matched; 1 is the first. */
  readonly secretPosition: number;
  readonly bodyBytes: number;
}

export interface SignedBodyOptions {
  /** Is read, never destroyed. */
  readonly stream: Readable | null;
  readonly verifier: Verifier;
  readonly signedAtSeconds: number;
  readonly limitBytes: number;
  /** The announced length of the body, 0 when there is none. Only a hint. */
  readonly expectedBytes: number;
  /** Ends the reading when it fires. */
  readonly deadline: AbortSignal;
}

/**
 * The raw bytes of a request as a stream that ends only if they are genuine: after the last byte the iteration ends
 * normally when a signature matches, and throws when none does.
 *
 * ```ts
 * for await (const bytes of body) draft.write(bytes); // nothing is visible yet
 * await draft.commit(body.proof());
 * ```
 *
 * The iteration throws a {@link SignatureError} for a body that is not genuine and a {@link BodyError} for one that is too
 * large (413), too slow (408) or cut off by the sender.
 */
export class SignedBody implements AsyncIterable<Uint8Array> {
  readonly #options: SignedBodyOptions;
  #receivedBytes = 0;
  #proof: Genuine | undefined;

  constructor(options: SignedBodyOptions) {
    this.#options = options;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get expectedBytes(): number {
    return this.#options.expectedBytes;
  }

  get deadline(): AbortSignal {
    return this.#options.deadline;
  }

  /** Fires when the sender is gone before the body was whole; its reason is what the iteration is going to throw. */
  cutOff(): AbortSignal {
    const { stream } = this.#options;
    const gone = new AbortController();
    const onClose = () => {
      if (stream?.readableEnded === false) gone.abort(bodyCutOff(stream.errored));
    };
    if (stream?.closed) onClose();
    else stream?.once('close', onClose);
    return gone.signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { stream, verifier, limitBytes, deadline } = this.#options;
    const changes = new Changes(stream, deadline);
    try {
      while (stream !== null && !stream.readableEnded) {
        if (deadline.aborted) throw bodyTooSlow();
        const bytes: Uint8Array | null = stream.read();
        if (bytes === null) {
          if (stream.destroyed) throw bodyCutOff(stream.errored);
          await changes.next();
          continue;
        }
        this.#receivedBytes += bytes.length;
        if (this.#receivedBytes > limitBytes) throw bodyTooLarge(limitBytes);
        verifier.update(bytes);
        yield bytes;
      }
    } finally {
      changes.ignore();
    }
    this.#proof = this.#conclude();
  }

  /** @throws {Error} when the iteration has not ended normally: a mistake in the calling code. */
  proof(): Genuine {
    if (this.#proof === undefined) throw new Error('The body has not been read to its genuine end.');
    return this.#proof;
  }

  #conclude(): Genuine {
    const secretPosition = this.#options.verifier.matchingSecret();
    if (secretPosition === undefined) {
      throw new SignatureError('signature_mismatch', 401, 'The signature does not match the body.', {
        hint: 'The body does not match the signature under any secret that is set for this endpoint.',
      });
    }
    const { signedAtSeconds } = this.#options;
    const proof = { source: 'webhook', signedAtSeconds, secretPosition, bodyBytes: this.#receivedBytes };
    return proof as Genuine; // the only place that may state it
  }
}

/**
 * Whatever may let a reader go on. Node's own iterator over a stream cannot be ended from outside without destroying the
 * stream, and with it the connection that the answer needs.
 */
class Changes {
  readonly #stream: Readable | null;
  readonly #deadline: AbortSignal;
  #wake = () => {};
  readonly #onChange = () => this.#wake();

  constructor(stream: Readable | null, deadline: AbortSignal) {
    this.#stream = stream;
    this.#deadline = deadline;
    for (const event of STREAM_EVENTS) stream?.on(event, this.#onChange);
    deadline.addEventListener('abort', this.#onChange);
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  ignore(): void {
    for (const event of STREAM_EVENTS) this.#stream?.off(event, this.#onChange);
    this.#deadline.removeEventListener('abort', this.#onChange);
  }
}

/** 413, also used before the body is read when Content-Length already says so. */
export function bodyTooLarge(limitBytes: number): BodyError {
  return new BodyError('body_too_large', 413, 'The body is larger than this endpoint accepts.', {
    hint: `The body is over ${limitBytes} bytes and was not kept.`,
  });
}

function bodyTooSlow(): BodyError {
  return new BodyError('body_too_slow', 408, 'The body took too long to arrive.', {
    hint: 'The body had not arrived when the time limit ended: a slow sender, or someone holding connections open.',
  });
}

function bodyCutOff(cause: unknown): BodyError {
  return new BodyError('body_cut_off', 400, 'The body ended before it was complete.', {
    hint: 'The sender closed the connection before the body was complete. Nothing was kept.',
    cause,
  });
}
