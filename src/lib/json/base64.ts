const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const PADDING = 0x3d;
const UNICODE_ESCAPE = 0x75;
const UNICODE_ESCAPE_BYTES = 6;

const NO_BASE64 = 255;

/** 64 KiB of text at a time: a longer string is a large object, which costs a collection of its own. */
const MOST_QUANTA = 16 * 1024;

/** The six bits that a character stands for; `-` and `_` stand for `+` and `/` in the URL-safe alphabet (RFC 4648 §5). */
const SIX_BITS = new Uint8Array(256).fill(NO_BASE64);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
for (const [bits, byte] of [...Buffer.from(ALPHABET)].entries()) SIX_BITS[byte] = bits;
SIX_BITS['-'.charCodeAt(0)] = 62;
SIX_BITS['_'.charCodeAt(0)] = 63;

/** Where decoded bytes go: the decoder writes straight into the buffer that it is given. */
export interface ByteSink {
  /** The buffer to write to, from `used` on, with room for at least 3 bytes; undefined as long as there is none. */
  readonly block: Buffer | undefined;
  readonly used: number;
  /** Says how many bytes were written. */
  wrote(length: number): void;
  /** Resolves when there is a block. */
  ready(): Promise<void>;
}

/** The form for a whole string, strict: undefined when the text is not valid, padded base64. */
export function decodeBase64(text: string): Buffer | undefined {
  return decodePieces(text.length, (start, end) => text.slice(start, end));
}

/** The same for the text's bytes, which never become one long string. */
export function decodeBase64Bytes(text: Buffer): Buffer | undefined {
  return decodePieces(text.length, (start, end) => text.toString('latin1', start, end));
}

/** A multiple of 4, and short enough for a string that the next minor collection takes away. */
const PIECE_CHARACTERS = 48 * 1024;

function decodePieces(length: number, piece: (start: number, end: number) => string): Buffer | undefined {
  if (length % 4 !== 0) return undefined;
  const last = piece(Math.max(0, length - 2), length);
  const padding = last === '==' ? 2 : last.endsWith('=') ? 1 : 0;
  const bytes = Buffer.allocUnsafeSlow((length / 4) * 3 - padding);
  let used = 0;
  for (let at = 0; at < length; at += PIECE_CHARACTERS) {
    // Only text that is all base64 decodes to its full length: anything else is skipped, or ends it.
    used += bytes.write(piece(at, Math.min(length, at + PIECE_CHARACTERS)), used, 'base64');
  }
  return used === bytes.length ? bytes : undefined;
}

/**
 * Decodes the content of a JSON string of base64 that arrives in pieces cut anywhere, JSON escapes included (`\/`,
 * `\u002f`). Padding is required, and nothing may follow it.
 */
export class Base64StringDecoder {
  readonly #sink: ByteSink;
  /** The quantum of four characters that is not complete yet, and its bytes as received. */
  #characters = 0;
  #bits = 0;
  #padding = 0;
  #received: number[] = [];
  /** Bytes of an escape that is not complete yet. */
  #escape: number[] = [];

  state: 'open' | 'ended' | 'broken' = 'open';

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /**
   * The bytes as received that could not be decoded so far: once the state is `broken`, from the start of the first quantum
   * that cannot be decoded; before, of the quantum that is not complete.
   */
  get undecoded(): Buffer {
    return Buffer.from(this.#received);
  }

  /** Resolves when the sink has a block. */
  ready(): Promise<void> {
    return this.#sink.ready();
  }

  /**
   * Decodes `chunk` from `from` on and returns the index after the last byte used. When that is not the chunk's length, the
   * state says why: `ended` (that byte was the closing quote), `broken` (that byte is the last of `undecoded`), or `open`:
   * the sink has no block, and the call is to be repeated from there when it has.
   */
  write(chunk: Buffer, from: number): number {
    let at = from;
    // Where the text may stop being clean: at first nowhere, later before the next escape or quote.
    let cleanEnd = chunk.length;
    let quote: number | undefined;
    let isClean = true;
    for (;;) {
      const { block } = this.#sink;
      if (at === chunk.length || this.state !== 'open' || block === undefined) return at;
      // Stryker disable next-line ConditionalExpression,EqualityOperator,LogicalOperator: looking again finds the same
      if (quote !== undefined && at > cleanEnd) cleanEnd = nextEscape(chunk, at, quote);
      const isBetweenQuanta = this.#received.length === 0 && this.#padding === 0;
      // Stryker disable next-line EqualityOperator: one quantum comes out the same the careful way
      if (!isClean || !isBetweenQuanta || cleanEnd - at < 4) {
        at = this.#quantum(chunk, at, block);
        continue;
      }
      const end = this.#bulk(chunk, at, cleanEnd, block);
      // Stryker disable next-line ConditionalExpression: looking sooner finds the same
      if (end === at) {
        if (quote !== undefined) isClean = false;
        quote ??= indexOrEnd(chunk, QUOTE, at);
        cleanEnd = nextEscape(chunk, at, quote);
      }
      at = end;
    }
  }

  /**
   * Decodes whole quanta at memory speed, without looking at them first: only text that is all base64 gives three bytes for
   * every four characters, so the count tells whether a quote, an escape or a foreign character was among them. What such
   * a piece wrote is not counted as written, and the piece is left for the careful way. Returns the index reached.
   */
  #bulk(chunk: Buffer, from: number, to: number, block: Buffer): number {
    const { used } = this.#sink;
    const quanta = Math.min((to - from) >> 2, Math.floor((block.length - used) / 3), MOST_QUANTA);
    // Stryker disable next-line ConditionalExpression: nothing is written for nothing
    if (quanta === 0) return from;
    const end = from + quanta * 4;
    const written = block.write(chunk.toString('latin1', from, end), used, quanta * 3, 'base64');
    if (written !== quanta * 3) return from;
    this.#sink.wrote(written);
    return end;
  }

  /** Goes byte by byte until the quantum at hand is complete. */
  #quantum(chunk: Buffer, from: number, block: Buffer): number {
    let at = from;
    while (at < chunk.length && this.state === 'open') {
      this.#take(chunk[at++] as number); // at < length
      if (this.#characters < 4) continue;
      const { used } = this.#sink;
      block[used] = this.#bits >> 16;
      block[used + 1] = this.#bits >> 8;
      block[used + 2] = this.#bits;
      this.#characters = 0;
      this.#bits = 0;
      this.#received.length = 0;
      this.#sink.wrote(3 - this.#padding);
      break;
    }
    return at;
  }

  /** Takes one byte as received; several make up one character when it is escaped. */
  #take(byte: number): void {
    if (byte === QUOTE && this.#characters === 0 && this.#escape.length === 0) {
      this.state = 'ended';
      return;
    }
    this.#received.push(byte);
    if (byte === BACKSLASH || this.#escape.length > 0) this.#takeEscaped(byte);
    else this.#takeCharacter(byte);
  }

  #takeEscaped(byte: number): void {
    this.#escape.push(byte);
    if (this.#escape.length === 1) return;
    if (this.#escape[1] === UNICODE_ESCAPE && this.#escape.length < UNICODE_ESCAPE_BYTES) return;
    const character = unescaped(this.#escape);
    this.#escape = [];
    this.#takeCharacter(character);
  }

  #takeCharacter(character: number): void {
    const isPadding = character === PADDING;
    const bits = SIX_BITS[character] ?? NO_BASE64;
    if (isPadding ? this.#characters < 2 : bits === NO_BASE64 || this.#padding > 0) {
      this.state = 'broken';
      return;
    }
    this.#characters++;
    this.#bits = (this.#bits << 6) | (isPadding ? 0 : bits);
    if (isPadding) this.#padding++;
  }
}

function nextEscape(chunk: Buffer, from: number, quote: number): number {
  return Math.min(quote, indexOrEnd(chunk, BACKSLASH, from));
}

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index === -1 ? chunk.length : index;
}

/** The character that an escape stands for, or one outside of base64 when it cannot be. */
function unescaped(bytes: readonly number[]): number {
  const [, kind, ...hex] = bytes;
  if (kind === SLASH) return SLASH;
  const text = String.fromCharCode(...hex); // of an escape by number, else empty
  return /^[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : NO_BASE64;
}
