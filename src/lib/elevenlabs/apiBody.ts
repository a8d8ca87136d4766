import { unexpected } from './answer.ts';
import type { ElevenLabsError } from './errors.ts';

declare const whole: unique symbol;

/** Proof that bytes are a whole answer of the ElevenLabs API, and of the kind that was asked for. */
export interface FromApi {
  readonly [whole]: true;
  readonly source: 'api';
}

/** The answer to a request for a recording, before its body has been read. */
export interface RecordingAnswer {
  readonly operation: string;
  readonly contentType: string | undefined;
  /** `Content-Length`; undefined when the answer comes in chunks. */
  readonly announcedBytes: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** What a body that breaks off is reported as. */
  readonly lost: (cause: unknown) => ElevenLabsError;
}

const BEGINNING_BYTES = 3;

/**
 * A recording as it arrives: a stream that ends only if it is whole and looks like an MP3. Like a signed body, nothing of it
 * may be visible before {@link proof} has been given.
 *
 * The iteration throws an {@link ElevenLabsError}: `unexpected_answer` for another length than announced, for no bytes at
 * all, for an HTML page and whatever else does not begin like an MP3; `upstream_unavailable` for a connection that breaks.
 */
export class RecordingBody implements AsyncIterable<Uint8Array> {
  readonly #answer: RecordingAnswer;
  #receivedBytes = 0;
  #proof: FromApi | undefined;

  constructor(answer: RecordingAnswer) {
    this.#answer = answer;
  }

  get announcedBytes(): number | undefined {
    return this.#answer.announcedBytes;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { operation, announcedBytes, contentType } = this.#answer;
    if (contentType !== undefined && /\b(html|json|text)\b/i.test(contentType)) {
      throw unexpected(operation, 'answered something other than audio');
    }
    let beginning = Buffer.alloc(0);
    for await (const bytes of this.#bytes()) {
      this.#receivedBytes += bytes.length;
      if (announcedBytes !== undefined && this.#receivedBytes > announcedBytes) break;
      if (beginning.length < BEGINNING_BYTES) {
        beginning = Buffer.concat([beginning, bytes.subarray(0, BEGINNING_BYTES)]);
        if (beginning.length >= BEGINNING_BYTES && !beginsLikeMp3(beginning)) break;
      }
      yield bytes;
    }
    if (!beginsLikeMp3(beginning)) throw unexpected(operation, 'answered something that does not begin like an MP3');
    if (announcedBytes !== undefined && this.#receivedBytes !== announcedBytes) {
      throw unexpected(operation, `answered ${this.#receivedBytes} bytes, where ${announcedBytes} were announced,`);
    }
    this.#proof = fromApi();
  }

  /** @throws {Error} when the iteration has not ended normally: a mistake in the calling code. */
  proof(): FromApi {
    if (this.#proof === undefined) throw new Error('The recording has not been read to its end.');
    return this.#proof;
  }

  async *#bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const iterator = this.#answer.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((cause: unknown) => {
          throw this.#answer.lost(cause);
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.().catch(() => {}); // ends the connection of a body that nobody reads on
    }
  }
}

/**
 * An ID3v2 tag, or a frame's sync word with a layer that exists.
 *
 * Source: https://id3.org/id3v2.4.0-structure §3.1; ISO/IEC 11172-3 §2.4.2.3, also http://mpgedit.org/mpgedit/mpeg_format/mpeghdr.htm
 */
function beginsLikeMp3([first = 0, second = 0, third = 0]: Uint8Array): boolean {
  if (first === 0x49 && second === 0x44 && third === 0x33) return true;
  return first === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) !== 0 && (third & 0xf0) !== 0xf0;
}

/** For the client alone, when an answer is whole and has been checked. */
export function fromApi(): FromApi {
  return { source: 'api' } as FromApi; // the only place that may state it
}
