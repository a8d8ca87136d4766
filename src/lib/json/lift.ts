import type { BodyMemory } from '../bodyMemory.ts';
import { Base64StringDecoder, type ByteSink } from './base64.ts';
import { Rest, SHORT_AUDIO_BYTES } from './rest.ts';
import { JsonScanner } from './scanner.ts';

/** What {@link liftAudio} writes to. Both are asked for only when there is something to write. */
export interface LiftTargets {
  /** For the decoded audio. */
  audio(): ByteSink;
  /** For everything from the first undecodable byte on, as received. */
  remainder(): ByteWriter;
}

interface ByteWriter {
  write(bytes: Uint8Array): Promise<void>;
}

/**
 * The body, split.
 *
 * - `whole`: no long audio; `rest` is the body byte for byte.
 * - `lifted`: the audio was decoded to its target, and `rest` is the JSON around it, with an empty string in its place.
 * - `broken`: the audio could not be decoded to its end; `rest` is the JSON before it, and the remainder has what follows.
 */
export interface Lifted {
  readonly kind: 'whole' | 'lifted' | 'broken';
  readonly rest: Buffer;
}

/**
 * Splits a JSON body as it arrives: lifts the one long base64 string of `full_audio` out and decodes it, and keeps the
 * small rest. It makes no difference where in the JSON the string stands, or how the body is cut into pieces.
 *
 * @throws {BodyError} 413 when the JSON outside the audio is over its limit, and whatever the body or a target throws.
 */
export async function liftAudio(
  body: AsyncIterable<Uint8Array>,
  targets: LiftTargets,
  memory?: BodyMemory,
): Promise<Lifted> {
  const rest = new Rest(memory);
  const lift = new Lift(targets, rest);
  try {
    for await (const bytes of body) await lift.push(bytes);
    return await lift.end();
  } finally {
    rest.release();
  }
}

class Lift {
  readonly #targets: LiftTargets;
  readonly #rest: Rest;
  readonly #scanner = new JsonScanner();
  #audioStart = 0;
  #audio: ByteSink | undefined;
  #decoder: Base64StringDecoder | undefined;
  #remainder: ByteWriter | undefined;

  constructor(targets: LiftTargets, rest: Rest) {
    this.#targets = targets;
    this.#rest = rest;
  }

  async push(bytes: Uint8Array): Promise<void> {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at < chunk.length) {
      if (this.#remainder !== undefined) {
        await this.#remainder.write(chunk.subarray(at));
        return;
      }
      if (this.#decoder?.state === 'open') at = await this.#decode(this.#decoder, chunk, at);
      else if (this.#scanner.inAudio) at = await this.#keepShort(chunk, at);
      else at = this.#keepRest(chunk, at);
    }
  }

  async end(): Promise<Lifted> {
    const decoder = this.#decoder;
    if (decoder === undefined) return { kind: 'whole', rest: this.#rest.bytes };
    if (decoder.state === 'open') await this.#break(decoder);
    return { kind: decoder.state === 'ended' ? 'lifted' : 'broken', rest: this.#rest.bytes };
  }

  #keepRest(chunk: Buffer, from: number): number {
    const end = this.#scanner.scanToAudio(chunk, from);
    this.#rest.append(chunk.subarray(from, end));
    this.#audioStart = this.#rest.length;
    return end;
  }

  /** The audio's string as long as it is short, and any further one of the same name: it stays in the JSON. */
  async #keepShort(chunk: Buffer, from: number): Promise<number> {
    const shortBytesLeft = SHORT_AUDIO_BYTES - (this.#rest.length - this.#audioStart);
    const isLiftable = this.#decoder === undefined;
    const limit = isLiftable ? Math.min(chunk.length, from + shortBytesLeft) : chunk.length;
    const end = this.#scanner.scanAudio(chunk, from, limit);
    if (isLiftable) this.#rest.appendAudio(chunk.subarray(from, end));
    else this.#rest.append(chunk.subarray(from, end));
    const isLong = this.#scanner.inAudio && this.#rest.length - this.#audioStart === SHORT_AUDIO_BYTES;
    if (isLiftable && isLong) {
      this.#audio = this.#targets.audio();
      this.#decoder = new Base64StringDecoder(this.#audio);
      const begun = this.#rest.cutAudio(this.#audioStart);
      const used = await this.#decode(this.#decoder, begun, 0);
      await this.#remainder?.write(begun.subarray(used)); // there is one only when the audio is broken already
    }
    return end;
  }

  async #decode(decoder: Base64StringDecoder, chunk: Buffer, from: number): Promise<number> {
    let end = decoder.write(chunk, from);
    while (end < chunk.length && decoder.state === 'open') {
      await this.#audio?.ready();
      end = decoder.write(chunk, end);
    }
    if (decoder.state === 'ended') {
      this.#rest.append(CLOSING_QUOTE);
      this.#scanner.leaveAudio();
    } else if (decoder.state === 'broken') await this.#break(decoder);
    return end;
  }

  async #break(decoder: Base64StringDecoder): Promise<void> {
    this.#remainder = this.#targets.remainder();
    await this.#remainder.write(decoder.undecoded);
  }
}

const CLOSING_QUOTE = Buffer.from('"');
