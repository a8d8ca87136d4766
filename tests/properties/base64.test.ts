import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBase64 } from '../../src/lib/json/base64.ts';
import { decode } from '../lib/json/decode.ts';
import { cutAt } from '../lib/json/pieces.ts';
import { holds } from './holds.ts';

/** A character as received and as it is meant. */
interface Token {
  readonly raw: string;
  readonly meant: string;
}

const escaped = (character: string): fc.Arbitrary<Token> =>
  fc.constantFrom(
    { raw: character, meant: character },
    { raw: `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`, meant: character },
    {
      raw: `\\u${character.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase().replace('U', 'u')}`,
      meant: character,
    },
    ...(character === '/' ? [{ raw: '\\/', meant: '/' }] : []),
  );
const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_'];
const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...alphabet).map((text) => ({ raw: text, meant: text })) },
  { weight: 1, arbitrary: fc.constantFrom('/', '+', 'A', '_').chain(escaped) },
);
const foreign = fc.oneof(
  fc.constantFrom('!', ' ', '\n', '\0', '\xff', '.').map((text) => ({ raw: text, meant: text })),
  fc.constant('=').chain(escaped),
  fc.constantFrom('\\"', '\\\\', '\\n', '\\u0022', '\\u263a', '\\q', '\\uzzzz').map((raw) => ({ raw, meant: '?' })),
);
const padding = fc.constantFrom([], [{ raw: '=', meant: '=' }], Array<Token>(2).fill({ raw: '=', meant: '=' }));
const texts = fc
  .tuple(
    fc.array(character, { maxLength: 40 }),
    fc.option(foreign, { freq: 3, nil: undefined }),
    fc.array(character, { maxLength: 8 }),
    padding,
  )
  .map(([before, slip, after, pad]) => [...before, ...(slip === undefined ? [] : [slip]), ...after, ...pad]);

/** The reference: quantum by quantum over the characters as they are meant. */
function reference(tokens: readonly Token[], isTerminated: boolean) {
  const quanta = Array.from({ length: Math.ceil(tokens.length / 4) }, (_, index) =>
    tokens.slice(index * 4, index * 4 + 4),
  );
  const texts = quanta.map((quantum) => quantum.map(({ meant }) => meant).join(''));
  const isPlain = (text: string) => /^[A-Za-z0-9+/_-]{4}$/.test(text);
  const isPadded = (text: string) => /^[A-Za-z0-9+/_-]{2}([A-Za-z0-9+/_-]|=)=$/.test(text);
  let good = 0;
  while (good < texts.length && isPlain(texts[good] ?? '')) good++;
  if (isPadded(texts[good] ?? '')) good++;
  const left = tokens.slice(good * 4);
  return {
    isWhole: isTerminated && left.length === 0,
    audio: Buffer.from(texts.slice(0, good).join(''), 'base64').toString('latin1'),
    left: left.map(({ raw }) => raw).join('') + (isTerminated && left.length > 0 ? '"' : ''),
  };
}

it('Base64StringDecoder agrees with a reference on any text, in any pieces and blocks', async () => {
  const property = fc.property(
    texts,
    fc.boolean(),
    fc.array(fc.nat(120), { maxLength: 12 }),
    fc.constantFrom(3, 6, 9, 12, 30, 300),
    (tokens, isTerminated, places, blockBytes) => {
      const text = tokens.map(({ raw }) => raw).join('') + (isTerminated ? '"' : '');
      const expected = reference(tokens, isTerminated);
      const { state, audio, undecoded, unread } = decode(cutAt(Buffer.from(text, 'latin1'), ...places), blockBytes);
      expect(state === 'ended').toBe(expected.isWhole);
      expect(audio).toBe(expected.audio);
      expect(undecoded + unread).toBe(expected.left);
    },
  );
  await holds(property, 10_000);
});

it('decodeBase64 agrees with the decoder of pieces about what is base64, and about its bytes', async () => {
  const property = fc.property(texts, (tokens) => {
    const text = tokens.map(({ meant }) => meant).join('');
    const { state, audio } = decode([Buffer.from(`${text.replaceAll('?', '!')}"`, 'latin1')], 30);
    expect(decodeBase64(text)?.toString('latin1')).toBe(state === 'ended' ? audio : undefined);
  });
  await holds(property, 3000);
});
