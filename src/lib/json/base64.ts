const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const PADDING = 0x3d;
const UNICODE_ESCAPE = 0x75;
const UNICODE_ESCAPE_BYTES = 6;

/** 1 for the 64 characters, and for `-` and `_`, which stand for `+` and `/` in the URL-safe alphabet (RFC 4648 §5). */
const IS_BASE64 = new Uint8Array(256);
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_'))
  IS_BASE64[byte] = 1;

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

/** The form for a whole string, strict: undefined when the text is no base64 with its padding. */
export function decodeBase64(text: string): Buffer | undefined {
  const isWhole = text.length % 4 === 0 && /^[A-Za-z0-9+/_-]*={0,2}$/.test(text);
  return isWhole ? Buffer.from(text, 'base64') : undefined;
}

/**
 * Decodes the content of a JSON string of base64 that arrives in pieces cut anywhere, JSON escapes included (`\/`,
 * `\u002f`). Padding is required, and nothing may follow it.
 */
export class Base64StringDecoder {
  readonly #sink: ByteSink;
  /** Characters of the quantum of four that is not complete yet, and their bytes as received. */
  #quantum: number[] = [];
  #received: number[] = [];
  /** Bytes of an escape that is not complete yet. */
  #escape: number[] = [];
  #isPadded = false;
  /** Unescaped characters on their way to be decoded. */
  #clean = Buffer.alloc(0);

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

  /**
   * Decodes `chunk` from `from` on and returns the index after the last byte used. When that is not the chunk's length, the
   * state says why: `ended` (that byte was the closing quote), `broken` (that byte is the last of `undecoded`), or `open`:
   * the sink has no block, and the call is to be repeated from there when it has.
   */
  write(chunk: Buffer, from: number): number {
    let at = from;
    let isClean = true;
    while (at < chunk.length && this.state === 'open' && this.#sink.block !== undefined) {
      if (isClean && this.#received.length === 0 && !this.#isPadded) {
        const end = this.#bulk(chunk, at, this.#sink.block);
        isClean = end > at;
        at = end;
      } else at = this.#careful(chunk, at, this.#sink.block, isClean);
    }
    return at;
  }

  /**
   * Decodes whole quanta at memory speed, without looking at them first: only text that is all base64 gives three bytes for
   * every four characters, so the count tells whether a quote, an escape or a foreign character was among them. What such
   * a piece wrote is not counted as written, and the piece is left for the careful way. Returns the index reached.
   */
  #bulk(chunk: Buffer, from: number, block: Buffer): number {
    const quanta = Math.min((chunk.length - from) >> 2, this.#roomForQuanta(block));
    const end = from + quanta * 4;
    const written = block.write(chunk.toString('latin1', from, end), this.#sink.used, quanta * 3, 'base64');
    if (quanta === 0 || written !== quanta * 3) return from;
    this.#sink.wrote(written);
    return end;
  }

  /** Goes byte by byte, as far as the block has room; or, `onlyToQuantum`, until the quantum at hand is complete. */
  #careful(chunk: Buffer, from: number, block: Buffer, onlyToQuantum: boolean): number {
    const room = this.#isPadded ? chunk.length : this.#roomForQuanta(block) * 4 - this.#quantum.length;
    const end = Math.min(chunk.length, from + room);
    if (this.#clean.length < end - from + 4) this.#clean = Buffer.allocUnsafeSlow(end - from + 4);
    let length = 0;
    let at = from;
    while (at < end && this.state === 'open') {
      this.#take(chunk[at++] as number); // at < length
      if (this.#quantum.length < 4) continue;
      for (const character of this.#quantum) this.#clean[length++] = character;
      this.#quantum = [];
      this.#received = [];
      if (onlyToQuantum) break;
    }
    if (length > 0) {
      const text = this.#clean.toString('latin1', 0, length);
      this.#sink.wrote(block.write(text, this.#sink.used, block.length - this.#sink.used, 'base64'));
    }
    return at;
  }

  #roomForQuanta(block: Buffer): number {
    return Math.floor((block.length - this.#sink.used) / 3);
  }

  /** Takes one byte as received; several make up one character when it is escaped. */
  #take(byte: number): void {
    const isQuote = byte === QUOTE && this.#escape.length === 0;
    if (isQuote && this.#quantum.length === 0) {
      this.state = 'ended';
      return;
    }
    this.#received.push(byte);
    if (isQuote) this.state = 'broken';
    else if (byte === BACKSLASH || this.#escape.length > 0) this.#takeEscaped(byte);
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
    const followsPadding = this.#isPadded || this.#quantum.at(-1) === PADDING;
    const isExpected = isPadding
      ? !this.#isPadded && this.#quantum.length >= 2
      : IS_BASE64[character] === 1 && !followsPadding;
    if (!isExpected) {
      this.state = 'broken';
      return;
    }
    this.#quantum.push(character);
    if (isPadding && this.#quantum.length === 4) this.#isPadded = true;
  }
}

/** The character that an escape stands for, or -1 for one that cannot be base64. */
function unescaped(bytes: readonly number[]): number {
  try {
    const text: unknown = JSON.parse(`"${String.fromCharCode(...bytes)}"`);
    return typeof text === 'string' ? text.charCodeAt(0) : -1;
  } catch {
    return -1;
  }
}
