import fc from 'fast-check';
import { share } from './share.ts';

/** One change of some bytes; places are shares of their length, so that one change fits bytes of any length. */
type Mutation = (bytes: Buffer) => Buffer;

const at = (bytes: Buffer, place: number) => Math.floor(place * bytes.length);
const insert = (bytes: Buffer, place: number, more: string | Uint8Array) =>
  Buffer.concat([bytes.subarray(0, at(bytes, place)), Buffer.from(more), bytes.subarray(at(bytes, place))]);

/** What JSON, base64 and multipart stumble over. */
const fragments = fc.constantFrom(
  ...[
    '"',
    '\\',
    '\\"',
    '\\u',
    '\\u00',
    '\\u002f',
    '\\/',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '=',
    '==',
    '\0',
    '\xff',
    '\ufeff',
  ],
  ...[
    '"full_audio":"',
    '"data":{',
    '"type":null,',
    '"agent_id":"../x",',
    '__proto__',
    '\r\n--',
    '--\r\n',
    '\r\n\r\n',
    'null',
  ],
);

const bitFlip: fc.Arbitrary<Mutation> = fc.tuple(share, fc.nat(7)).map(
  ([place, bit]): Mutation =>
    (bytes) => {
      const flipped = Buffer.from(bytes);
      const index = at(bytes, place);
      if (index < flipped.length) flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
      return flipped;
    },
);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  bitFlip,
  share.map(
    (place): Mutation =>
      (bytes) =>
        bytes.subarray(0, at(bytes, place)),
  ),
  fc.tuple(share, fragments).map(
    ([place, text]): Mutation =>
      (bytes) =>
        insert(bytes, place, text),
  ),
  // A splice: what stands between two places comes again at a third.
  fc.tuple(share, share, share).map(
    ([from, to, place]): Mutation =>
      (bytes) => {
        const [start, end] = [at(bytes, Math.min(from, to)), at(bytes, Math.max(from, to))];
        return insert(bytes, place, bytes.subarray(start, Math.min(end, start + 100_000)));
      },
  ),
  fc.tuple(share, share).map(
    ([from, to]): Mutation =>
      (bytes) =>
        Buffer.concat([
          bytes.subarray(0, at(bytes, Math.min(from, to))),
          bytes.subarray(at(bytes, Math.max(from, to))),
        ]),
  ),
  // A member twice: the text is still JSON, and which of the two counts is a question.
  share.map(
    (place): Mutation =>
      (bytes) => {
        const members = [
          ...bytes.toString('latin1').matchAll(/"[a-z_]+": ?("[^"]*"|[0-9.]+|null|true|false|\{\}|\[\]),/g),
        ];
        const member = members[Math.floor(place * members.length)];
        if (member === undefined) return bytes;
        return Buffer.concat([
          bytes.subarray(0, member.index),
          Buffer.from(member[0], 'latin1'),
          bytes.subarray(member.index),
        ]);
      },
  ),
  fc
    .tuple(share, fc.integer({ min: 1, max: 20_000 }), fc.constantFrom(['[', ']'], ['{"a":', '}'], ['{"data":', '}']))
    .map(
      ([place, depth, [open = '', close = '']]): Mutation =>
        (bytes) => {
          // In place of a value, so that what comes out is JSON nested as deep as that.
          const values = [...bytes.toString('latin1').matchAll(/(?<=": ?)(null|true|false|[0-9]+)/g)];
          const value = values[Math.floor(place * values.length)];
          const nested = `${open.repeat(depth)}1${close.repeat(depth)}`;
          if (value === undefined) return insert(bytes, place, nested);
          const end = value.index + value[0].length;
          return Buffer.concat([bytes.subarray(0, value.index), Buffer.from(nested), bytes.subarray(end)]);
        },
    ),
);

/** These bytes with a bit flipped, or with none to six changes, one after the other. */
export function mutated(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...seeds), fc.oneof(fc.tuple(bitFlip), fc.array(mutation, { maxLength: 6 })))
    .map(([seed, mutations]) => mutations.reduce((bytes, mutate) => mutate(bytes), seed));
}
