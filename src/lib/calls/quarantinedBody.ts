import { emptyAudiosIn } from '../json/emptyAudio.ts';
import { ENVELOPE_LIMIT_BYTES } from '../json/envelope.ts';
import { eventMembers } from '../postCall/events.ts';
import { sha256Of } from '../postCall/places.ts';
import { type Attempts, isNotFound } from '../storage/blobStorage.ts';
import { type FromStorage, StoredBody } from '../storage/proof.ts';
import type { Quarantined, StoredPart } from './listQuarantine.ts';

/**
 * A body in quarantine as a stream of the bytes that it was received as, which ends only if they are those that were stored.
 *
 * One that was split is put together again: the JSON around its audio, the audio as base64, and what could not be decoded as it
 * came. That is the same body byte for byte, unless its base64 had escapes (`\/`) or the URL-safe alphabet, which are written
 * plainly. The iteration fails when a part is missing, or is not one of those that were stored together.
 */
export class QuarantinedBody implements AsyncIterable<Uint8Array> {
  readonly #storage: Attempts;
  readonly #quarantined: Quarantined;
  readonly #read: StoredBody[] = [];
  #isOver = false;

  constructor(storage: Attempts, quarantined: Quarantined) {
    this.#storage = storage;
    this.#quarantined = quarantined;
  }

  /**
   * @throws {RestError} 404 when its first blob does not exist (any more); see `isNotFound`.
   * @throws {Error} whose message says what is missing or does not fit.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { body, around, audio, undecoded } = this.#quarantined.blobs;
    if (body !== undefined) yield* await this.#open(body);
    else if (around === undefined) throw missing('the JSON around its audio (.around.json)');
    else {
      const envelope = await readEnvelope(await this.#open(around));
      if (audio === undefined) throw missing('its audio (.mp3)');
      this.#checkParts(envelope, audio, undecoded);
      const at = undecoded === undefined ? audioIn(envelope) : envelope.length;
      yield envelope.subarray(0, at);
      yield* base64Of(await this.#openPart(audio));
      if (undecoded !== undefined) yield* await this.#openPart(undecoded);
      else yield envelope.subarray(at);
    }
    this.#isOver = true;
  }

  /** @throws {Error} when the iteration has not ended normally: a mistake in the calling code. */
  proof(): FromStorage {
    const [first] = this.#read.map((one) => one.proof());
    if (first === undefined || !this.#isOver) throw new Error('The body has not been read to its end.');
    return first;
  }

  /** The name of all parts is the hash of what was stored together. */
  #checkParts(envelope: Buffer, audio: StoredPart, undecoded: StoredPart | undefined): void {
    if (sha256Of(envelope, audio.sha256, undecoded?.sha256 ?? '') === this.#quarantined.hash) return;
    const orMissing = undecoded === undefined ? ', or what could not be decoded (.remainder.bin) is missing' : '';
    throw new Error(`Its parts are not those that were stored together${orMissing}.`);
  }

  async #open({ name, sha256 }: StoredPart): Promise<StoredBody> {
    const stored = await StoredBody.open(this.#storage, this.#quarantined.container, name);
    this.#read.push(stored);
    if ((stored.metadata['sha256'] ?? 'none') !== sha256) throw new Error(`${name} was replaced meanwhile.`);
    return stored;
  }

  #openPart(part: StoredPart): Promise<StoredBody> {
    return this.#open(part).catch((error: unknown) => {
      throw isNotFound(error) ? missing(part.name) : error;
    });
  }
}

function missing(what: string): Error {
  return new Error(
    `A part is missing: ${what}. When the app ended while it stored the parts, sweep brings the others within ten minutes.`,
  );
}

/** Where the audio was lifted out of its string. */
function audioIn(envelope: Buffer): number {
  const [at, ...others] = emptyAudiosIn(envelope, eventMembers);
  if (at !== undefined && others.length === 0) return at;
  throw new Error(`Where its audio was cannot be told: ${at === undefined ? 'no string' : 'more than one'} is empty.`);
}

async function readEnvelope(around: StoredBody): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of around) {
    bytes += chunk.length;
    if (bytes > ENVELOPE_LIMIT_BYTES) throw new Error('The JSON around its audio is larger than the app stores it.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** In pieces, with padding at the end alone. */
async function* base64Of(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let left: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const all = Buffer.concat([left, chunk]);
    const end = all.length - (all.length % 3);
    yield Buffer.from(all.toString('base64', 0, end));
    left = all.subarray(end);
  }
  yield Buffer.from(left.toString('base64'));
}
