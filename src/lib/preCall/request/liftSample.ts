import { randomUUID } from 'node:crypto';
import { BodyError } from '../../errors.ts';
import { decodeSample } from './sampleText.ts';

/** A request without its sample, and the sample. */
export interface Lifted {
  /** With another text in place of `voice_sample.data`. */
  readonly json: unknown;
  readonly sample: Buffer;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Whatever is shorter costs nothing. */
const LONG_CHARACTERS = 2048;
/** What a request may have besides its sample: to parse megabytes of members would hold the thread for seconds. */
const LARGEST_OUTSIDE_BYTES = 64 * 1024;
/** Random, so it cannot occur anywhere else in the request. */
const PLACE = randomUUID();

/**
 * Decodes the one long string of a request straight from its bytes, and parses the rest. To make it a string of JavaScript
 * first, twice, takes a millisecond more for 1 MB, and a full garbage collection every few requests.
 *
 * Undefined for everything out of the ordinary, right or wrong: then the request is to be parsed as a whole.
 *
 * @throws {BodyError} 413 `json_too_large` when there are more than 64 KiB besides the sample.
 */
export function liftSample(body: Buffer): Lifted | undefined {
  const text = findLongString(body);
  const sampleBytes = text === undefined ? 0 : text.to - text.from;
  if (body.length - sampleBytes > LARGEST_OUTSIDE_BYTES) throw outsideTooLarge();
  if (text === undefined) return undefined;
  const json = parse(Buffer.concat([body.subarray(0, text.from), Buffer.from(PLACE), body.subarray(text.to)]));
  const sample = dataOf(json) === PLACE ? decodeSample(body.subarray(text.from, text.to)) : undefined;
  return sample && { json, sample };
}

function findLongString(body: Buffer): { readonly from: number; readonly to: number } | undefined {
  let open = body.indexOf(QUOTE);
  while (open !== -1 && open <= LARGEST_OUTSIDE_BYTES) {
    const from = open + 1;
    let to = body.indexOf(QUOTE, from);
    while (to !== -1 && isEscaped(body, to)) to = body.indexOf(QUOTE, to + 1);
    if (to === -1) return undefined;
    if (to - from >= LONG_CHARACTERS) return { from, to };
    open = body.indexOf(QUOTE, to + 1);
  }
  return undefined;
}

function outsideTooLarge(): BodyError {
  return new BodyError(
    'json_too_large',
    413,
    `The JSON besides voice_sample.data is over ${LARGEST_OUTSIDE_BYTES} bytes`,
    {
      hint: 'The switch sends more than the documented members, or the sample somewhere else than in voice_sample.data.',
    },
  );
}

function isEscaped(body: Buffer, at: number): boolean {
  let before = at;
  while (body[before - 1] === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}

function parse(rest: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rest));
  } catch {
    return undefined;
  }
}

function dataOf(json: unknown): unknown {
  const { voice_sample } = (json ?? {}) as { voice_sample?: { data?: unknown } | null }; // or anything else, without members
  return voice_sample?.data;
}
