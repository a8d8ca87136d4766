import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import type { HeldBody } from '../http/bodyMemory.ts';
import { Base64StringDecoder, type ByteSink } from './base64.ts';
import { ENVELOPE_LIMIT_BYTES, Envelope, jsonTooLarge, SHORT_AUDIO_BYTES } from './envelope.ts';
import type { Members } from './members.ts';
import { JsonReader } from './reader.ts';

/** What {@link liftAudio} writes to. Both are asked for only when there is something to write. */
export interface LiftTargets {
  /** For the decoded audio. */
  audio(): ByteSink;
  /** For everything from the first undecodable byte on, as received. */
  undecoded(): ByteWriter;
}

interface ByteWriter {
  write(bytes: Uint8Array): Promise<void>;
}

/**
 * The body, split.
 *
 * - `whole`: no long audio; `envelope` is the body byte for byte.
 * - `lifted`: the audio was decoded to its target, and `envelope` is the JSON around it, with an empty string in its place.
 * - `broken`: the audio could not be decoded to its end; `envelope` is the JSON before it, `undecoded` gets what follows.
 */
export interface Lifted {
  readonly kind: 'whole' | 'lifted' | 'broken';
  readonly envelope: Buffer;
  readonly json: JsonFacts;
}

/** What is known of the JSON around the audio. */
export interface JsonFacts {
  /** A whole JSON text in UTF-8, without a byte order mark. */
  readonly isJson: boolean;
  /** A member that was asked for came twice, so which one counts is a guess. */
  readonly isAmbiguous: boolean;
  /** The members that were asked for, as {@link JsonReader.value}; when it is not JSON, those before the fault. */
  readonly value: unknown;
}

/** What a body is split with. */
export interface LiftOptions {
  /** The members that are asked for, the audio's among them. */
  readonly members: Members;
  /** Where what is held is counted, until its owner releases it. Kept as soon as the body has ended, which only a genuine one does. */
  readonly held?: HeldBody;
  /** How long the body is going to be, 0 when nobody has said so: gives the buffer for the envelope the right size at once. */
  readonly expectedBytes?: number;
}

/**
 * Splits a JSON body as it arrives: lifts the one long base64 string of its audio out and decodes it, and keeps the small
 * envelope. It makes no difference where in the JSON the string stands, or how the body is cut into pieces.
 *
 * Long are {@link SHORT_AUDIO_BYTES} without a quote between. Only a body in which so many come in a row is read before it has
 * ended and so proved genuine: until then any other costs no more than the search for a quote.
 *
 * @throws {BodyError} 413 when the JSON outside the audio is over its limit, and whatever the body or a target throws.
 */
export async function liftAudio(
  body: AsyncIterable<Uint8Array>,
  targets: LiftTargets,
  { members, held, expectedBytes }: LiftOptions,
): Promise<Lifted> {
  const envelope = new Envelope(held, expectedBytes);
  const lift = new Lift(targets, envelope, new JsonReader(members));
  for await (const bytes of body) {
    envelope.begin(bytes.length);
    await lift.push(bytes);
    envelope.done();
  }
  held?.keep();
  return lift.end();
}

class Lift {
  readonly #targets: LiftTargets;
  readonly #envelope: Envelope;
  readonly #reader: JsonReader;
  #bytesSinceQuote = 0;
  #decoder: Base64StringDecoder | undefined;
  #undecoded: ByteWriter | undefined;

  constructor(targets: LiftTargets, envelope: Envelope, reader: JsonReader) {
    this.#targets = targets;
    this.#envelope = envelope;
    this.#reader = reader;
  }

  async push(bytes: Uint8Array): Promise<void> {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at < chunk.length) {
      if (this.#undecoded !== undefined) {
        await this.#undecoded.write(chunk.subarray(at));
        return;
      }
      if (this.#decoder?.state === 'open') at = await this.#decode(this.#decoder, chunk, at);
      else at += await this.#keep(chunk.subarray(at, at + SHORT_AUDIO_BYTES));
    }
  }

  async end(): Promise<Lifted> {
    const decoder = this.#decoder;
    if (decoder?.state === 'open') await this.#break(decoder);
    const { bytes } = this.#envelope;
    if (bytes.length > ENVELOPE_LIMIT_BYTES) throw jsonTooLarge();
    await this.#read();
    const { isComplete, isAmbiguous, value } = this.#reader;
    const json = { isJson: isComplete && isUtf8(bytes), isAmbiguous, value };
    if (decoder === undefined) return { kind: 'whole', envelope: bytes, json };
    return { kind: decoder.state === 'ended' ? 'lifted' : 'broken', envelope: bytes, json };
  }

  /** Returns how many bytes of the piece were kept: all of them, or those before a quote that ends a long run without one. */
  async #keep(piece: Buffer): Promise<number> {
    const quote = piece.indexOf(QUOTE);
    const plainBytes = quote === -1 ? piece.length : quote;
    if (this.#bytesSinceQuote + plainBytes < SHORT_AUDIO_BYTES) {
      this.#envelope.append(piece);
      if (quote !== -1) this.#bytesSinceQuote = -piece.lastIndexOf(QUOTE) - 1;
      this.#bytesSinceQuote += piece.length;
      return piece.length;
    }
    this.#envelope.append(piece.subarray(0, plainBytes));
    if (this.#decoder === undefined) {
      await this.#read();
      if (this.#reader.inAudio) await this.#lift();
    }
    return plainBytes;
  }

  /** Reads what was kept, in steps between which others have their turn. */
  async #read(): Promise<void> {
    const reader = this.#reader;
    for (;;) {
      const { bytes } = this.#envelope;
      const end = Math.min(reader.at + STEP_BYTES, bytes.length);
      while (reader.at < end) {
        if (reader.inAudio && !bytes.includes(QUOTE, reader.at)) return; // it may be lifted out, and then must not have been read
        reader.read(bytes.subarray(0, end));
      }
      if (end === bytes.length) return;
      await setImmediate();
    }
  }

  async #lift(): Promise<void> {
    const { audioStart } = this.#reader;
    // Stryker disable next-line EqualityOperator: the quote that closes the audio is over the limit then
    if (audioStart > ENVELOPE_LIMIT_BYTES) throw jsonTooLarge();
    this.#decoder = new Base64StringDecoder(this.#targets.audio());
    await this.#decoder.ready(); // what waits for a block waits in the envelope, from which it can be evicted
    const begun = this.#envelope.cutAudio(audioStart);
    const used = await this.#decode(this.#decoder, begun, 0);
    await this.#undecoded?.write(begun.subarray(used)); // there is one only when the audio is broken already
  }

  async #decode(decoder: Base64StringDecoder, chunk: Buffer, from: number): Promise<number> {
    let end = decoder.write(chunk, from);
    while (end < chunk.length && decoder.state === 'open') {
      await decoder.ready();
      end = decoder.write(chunk, end);
    }
    if (decoder.state === 'ended') this.#envelope.append(CLOSING_QUOTE);
    else if (decoder.state === 'broken') await this.#break(decoder);
    return end;
  }

  async #break(decoder: Base64StringDecoder): Promise<void> {
    this.#undecoded = this.#targets.undecoded();
    await this.#undecoded.write(decoder.undecoded);
  }
}

const QUOTE = 0x22;
/** Takes some milliseconds at worst. */
const STEP_BYTES = 256 * 1024;
const CLOSING_QUOTE = Buffer.from('"');
