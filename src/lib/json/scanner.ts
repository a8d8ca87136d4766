const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const LONGEST_KEY_BYTES = 64;

/** One of the two outermost levels: the only ones on which the audio can stand. */
interface Level {
  isObject: boolean;
  isKeyNext: boolean;
  key: string;
}

/**
 * Finds where the string value of `data.full_audio` (or of `full_audio` beside `type`, the older flat shape) begins in a
 * JSON text that arrives in pieces. It checks nothing else: what is left is parsed properly later. Costs one step a byte
 * and constant memory, whatever the nesting.
 */
export class JsonScanner {
  readonly #levels: [Level, Level] = [newLevel(), newLevel()];
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #key: number[] | undefined;

  /** Whether the scan stands inside the audio's string. */
  inAudio = false;

  /**
   * Scans `chunk` from `from` on, outside the audio. Returns the index after the last byte scanned: the chunk's length, or
   * that of the first byte of the audio's string, and then `inAudio` is true.
   */
  scanToAudio(chunk: Uint8Array, from: number): number {
    // Stryker disable next-line EqualityOperator: there is no byte behind the last one
    for (let at = from; at < chunk.length; at++) {
      // Stryker disable next-line ConditionalExpression,BooleanLiteral: byte by byte gives the same, later
      if (this.#inString && this.#key === undefined && !this.#isEscaped) at = endOfPlainText(chunk, at);
      const byte = chunk[at];
      // Stryker disable next-line ConditionalExpression: no byte is no byte that matters
      if (byte === undefined) break;
      if (this.#inString) this.#stringByte(byte);
      else if (byte === QUOTE && this.#isAudioNext()) {
        this.inAudio = true;
        return at + 1;
      } else this.#structuralByte(byte);
    }
    return chunk.length;
  }

  /**
   * Scans the audio's string from `from` on. Returns the index after its closing quote, and `inAudio` is false again; or the
   * chunk's length when the string goes on.
   */
  scanAudio(chunk: Buffer, from: number): number {
    // Stryker disable next-line all: byte by byte gives the same, later
    if (!this.#isEscaped && !chunk.includes(QUOTE, from) && !chunk.includes(BACKSLASH, from)) return chunk.length;
    for (let at = from; at < chunk.length; at++) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (chunk[at] === BACKSLASH) this.#isEscaped = true;
      else if (chunk[at] === QUOTE) {
        this.inAudio = false;
        return at + 1;
      }
    }
    return chunk.length;
  }

  #level(): Level | undefined {
    return this.#levels[this.#depth - 1];
  }

  #isAudioNext(): boolean {
    const level = this.#level();
    if (level === undefined || !level.isObject || level.isKeyNext || level.key !== 'full_audio') return false;
    return this.#depth === 1 || (this.#levels[0].isObject && this.#levels[0].key === 'data');
  }

  #structuralByte(byte: number): void {
    switch (byte) {
      case QUOTE: {
        const level = this.#level();
        this.#inString = true;
        this.#key = level?.isObject && level.isKeyNext ? [] : undefined;
        return;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY: {
        this.#depth++;
        const level = this.#level();
        if (level !== undefined) {
          level.isObject = byte === OPEN_OBJECT;
          level.isKeyNext = level.isObject;
          // Stryker disable next-line StringLiteral: any text will do that is no key
          level.key = '';
        }
        return;
      }
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        this.#depth--;
        return;
      case COMMA: {
        const level = this.#level();
        if (level !== undefined) level.isKeyNext = level.isObject;
        return;
      }
      case COLON: {
        const level = this.#level();
        if (level !== undefined) level.isKeyNext = false;
        return;
      }
    }
  }

  #stringByte(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#inString = false;
      const level = this.#level();
      // Stryker disable next-line ConditionalExpression: a key has its level
      if (this.#key !== undefined && level !== undefined) level.key = keyText(this.#key);
      this.#key = undefined;
      return;
    }
    // Stryker disable next-line ConditionalExpression,EqualityOperator: it only bounds what is kept of a key
    if (this.#key !== undefined && this.#key.length <= LONGEST_KEY_BYTES) this.#key.push(byte);
  }
}

/** The index of the next quote or backslash: most of a body is text, in which nothing else matters. */
function endOfPlainText(chunk: Uint8Array, from: number): number {
  let at = from;
  // Stryker disable next-line ConditionalExpression,EqualityOperator: byte by byte gives the same, later
  while (at < chunk.length && chunk[at] !== QUOTE && chunk[at] !== BACKSLASH) at++;
  return at;
}

function newLevel(): Level {
  // Stryker disable next-line all: an opening bracket sets it before it is read
  return { isObject: false, isKeyNext: false, key: '' };
}

/** A key may be spelled with escapes: `full\u005faudio` is `full_audio`. */
function keyText(bytes: number[]): string {
  let text = Buffer.from(bytes).toString('latin1');
  try {
    text = String(JSON.parse(`"${text}"`));
  } catch {
    // No broken key is one of those that matter.
  }
  return text;
}
