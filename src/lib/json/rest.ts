import { BodyError } from '../errors.ts';

/** What a delivery may hold outside its audio. */
export const REST_LIMIT_BYTES = 16 * 1024 * 1024;

/** A string of audio shorter than this stays in the JSON: nothing is gained by lifting it, and the body stays whole. */
export const SHORT_AUDIO_BYTES = 256 * 1024;

const LEAST_GROWN_BYTES = 64 * 1024;
const MOST_BYTES = REST_LIMIT_BYTES + SHORT_AUDIO_BYTES;

/** The JSON around the audio as one contiguous, growing buffer, so that a body in tiny pieces costs no more than a whole one. */
export class Rest {
  #buffer: Buffer = Buffer.alloc(0);
  #isBorrowed = true;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next append. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /**
   * Adds bytes, which must not change afterwards: the first piece is kept as it is, because most bodies come in one.
   *
   * @throws {BodyError} 413 `json_too_large` over {@link REST_LIMIT_BYTES}.
   */
  append(bytes: Buffer): void {
    this.#append(bytes, REST_LIMIT_BYTES);
  }

  /** Adds bytes of audio that may still be cut out again: it counts for the limit only once something follows it. */
  appendAudio(bytes: Buffer): void {
    this.#append(bytes, MOST_BYTES);
  }

  /** Takes the audio, which begins at `start`, out again. */
  cutAudio(start: number): Buffer {
    const removed = Buffer.from(this.#buffer.subarray(start, this.#length));
    this.#length = start;
    return removed;
  }

  #append(bytes: Buffer, limitBytes: number): void {
    const needed = this.#length + bytes.length;
    if (needed > limitBytes) throw jsonTooLarge();
    if (this.#length === 0) {
      this.#buffer = bytes;
      this.#isBorrowed = true;
    } else {
      if (this.#isBorrowed || needed > this.#buffer.length) this.#grow(needed);
      this.#buffer.set(bytes, this.#length);
    }
    this.#length = needed;
  }

  #grow(needed: number): void {
    const doubled = Math.max(needed, this.#buffer.length * 2, LEAST_GROWN_BYTES);
    const larger = Buffer.allocUnsafeSlow(Math.min(doubled, MOST_BYTES));
    larger.set(this.bytes);
    this.#buffer = larger;
    this.#isBorrowed = false;
  }
}

function jsonTooLarge(): BodyError {
  return new BodyError('json_too_large', 413, 'The JSON outside the audio is larger than this endpoint accepts.', {
    hint: `The JSON outside the audio is over ${REST_LIMIT_BYTES} bytes and was not kept. Fetch it through the ElevenLabs API.`,
  });
}
