import { BodyError } from '../errors.ts';
import { bodyEvicted, type HeldBody } from '../http/bodyMemory.ts';

/** What a delivery may hold outside its audio. */
export const ENVELOPE_LIMIT_BYTES = 16 * 1024 * 1024;

/** A string of audio shorter than this stays in the JSON: nothing is gained by lifting it, and the body stays whole. */
export const SHORT_AUDIO_BYTES = 256 * 1024;

const LEAST_GROWN_BYTES = 64 * 1024;
/** Room for what a recording has before its audio can be lifted out. */
const LEAST_REGROWN_BYTES = SHORT_AUDIO_BYTES + 2 * LEAST_GROWN_BYTES;
/** An announced length is believed so far. */
const MOST_EXPECTED_BYTES = 2 * 1024 * 1024;
/** The limit, and a string that is not known to be audio yet. */
const MOST_BYTES = ENVELOPE_LIMIT_BYTES + 2 * SHORT_AUDIO_BYTES;

/** The JSON around the audio as one contiguous, growing buffer, so that a body in tiny pieces costs no more than a whole one. */
export class Envelope {
  readonly #held: HeldBody | undefined;
  readonly #expectedBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  // Stryker disable next-line BooleanLiteral: the first append sets it
  #isShared = true;
  #length = 0;
  #pieceBytes = 0;

  constructor(held?: HeldBody, expectedBytes = 0) {
    this.#held = held;
    this.#expectedBytes = Math.min(expectedBytes, MOST_EXPECTED_BYTES);
    held?.evicted.addEventListener('abort', () => {
      this.#buffer = Buffer.alloc(0);
    });
  }

  get length(): number {
    return this.#length;
  }

  /**
   * The bytes so far; valid until the next append.
   *
   * @throws {WebhookError} 503 `overloaded` when they were evicted, as everything here does then.
   */
  get bytes(): Buffer {
    if (this.#held?.evicted.aborted) throw bodyEvicted();
    return this.#buffer.subarray(0, this.#length);
  }

  /** The next piece of the body is in work, beside what is here, until it is {@link done}. */
  begin(pieceBytes: number): void {
    this.#pieceBytes = pieceBytes;
    this.#held?.arrived(pieceBytes);
    this.#count(this.#buffer.length);
  }

  done(): void {
    this.#pieceBytes = 0;
    this.#count(this.#buffer.length);
  }

  /**
   * Adds bytes, which must not change afterwards: the first piece is kept as it is, because most bodies come in one.
   *
   * @throws {BodyError} 413 `json_too_large` when that is more than any body needs that keeps {@link ENVELOPE_LIMIT_BYTES}.
   */
  append(bytes: Buffer): void {
    const needed = this.#length + bytes.length;
    if (needed > MOST_BYTES) throw jsonTooLarge();
    if (this.#length === 0) {
      this.#buffer = bytes;
      this.#isShared = true;
    } else {
      if (this.#isShared || needed > this.#buffer.length) this.#grow(needed);
      this.#buffer.set(bytes, this.#length);
    }
    this.#length = needed;
  }

  /** Takes the audio, which begins at `start`, out again. It is valid until the next append. */
  cutAudio(start: number): Buffer {
    const removed = this.bytes.subarray(start);
    if (start <= LEAST_GROWN_BYTES) {
      // The large buffer can go as soon as the audio is decoded, and counts until the piece at hand is done.
      this.#buffer = Buffer.from(this.#buffer.subarray(0, start));
    }
    this.#length = start;
    return removed;
  }

  #count(bufferBytes: number): void {
    this.#held?.hold(bufferBytes + this.#pieceBytes);
  }

  #grow(needed: number): void {
    const leastBytes = needed > LEAST_GROWN_BYTES ? LEAST_REGROWN_BYTES : LEAST_GROWN_BYTES;
    const doubled = Math.max(leastBytes, this.#buffer.length * 2);
    const wanted = needed <= this.#expectedBytes ? this.#expectedBytes : Math.max(needed, doubled);
    const length = Math.min(wanted, MOST_BYTES);
    this.#count(length);
    const { bytes } = this;
    const larger = Buffer.allocUnsafeSlow(length);
    larger.set(bytes);
    this.#buffer = larger;
    this.#isShared = false;
  }
}

export function jsonTooLarge(): BodyError {
  return new BodyError('json_too_large', 413, 'The JSON outside the audio is larger than this endpoint accepts.', {
    hint: `The JSON outside the audio is over ${ENVELOPE_LIMIT_BYTES} bytes and was not kept. Fetch it through the ElevenLabs API.`,
  });
}
