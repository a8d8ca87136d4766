import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Base64StringDecoder, decodeBase64 } from '../../../src/lib/json/base64.ts';
import { CollectingSink } from './collectingSink.ts';
import { cutAt, inPiecesOf, noise } from './pieces.ts';

interface Decoded {
  readonly state: Base64StringDecoder['state'];
  /** What came out, as latin1 text. */
  readonly audio: string;
  /** What could not be decoded, and what was not read any more. */
  readonly undecoded: string;
  readonly unread: string;
}

function decode(pieces: readonly Buffer[], blockBytes = 30): Decoded {
  const sink = new CollectingSink(blockBytes);
  const decoder = new Base64StringDecoder(sink);
  const unread: Buffer[] = [];
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && decoder.state === 'open') {
      if (sink.block === undefined) sink.provide();
      const next = decoder.write(piece, at);
      if (next === at) throw new Error('The decoder stands still.');
      at = next;
    }
    unread.push(piece.subarray(at));
  }
  return {
    state: decoder.state,
    audio: sink.bytes.toString('latin1'),
    undecoded: decoder.undecoded.toString('latin1'),
    unread: Buffer.concat(unread).toString('latin1'),
  };
}

/** The same result in one piece, cut at every byte, byte by byte, and in blocks of every small size. */
function expectDecoded(text: string, expected: Decoded): void {
  const bytes = Buffer.from(text, 'latin1');
  for (const blockBytes of [3, 6, 9, 30]) {
    expect(decode([bytes], blockBytes), `in blocks of ${blockBytes}`).toEqual(expected);
    expect(decode(inPiecesOf(1, bytes), blockBytes), `byte by byte, in blocks of ${blockBytes}`).toEqual(expected);
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(decode(cutAt(bytes, cut), blockBytes), `cut at ${cut}, in blocks of ${blockBytes}`).toEqual(expected);
    }
  }
}

describe('Base64StringDecoder, wherever the text is cut and however small the blocks are,', () => {
  it.each([
    ['of whole quanta', 'QUJDREVGR0hJSktM"', 'ABCDEFGHIJKL'],
    ['with one sign of padding', 'QUJDREVGR0hJSks="', 'ABCDEFGHIJK'],
    ['with two signs of padding', 'QUJDREVGR0hJSg=="', 'ABCDEFGHIJ'],
    ['that is empty', '"', ''],
    ['of one padded quantum', 'QQ=="', 'A'],
    ['of the standard alphabet', '+/+/////"', '\xfb\xff\xbf\xff\xff\xff'],
    ['of the URL-safe alphabet', '-_-_____"', '\xfb\xff\xbf\xff\xff\xff'],
    ['of both alphabets', '+_-/_/_/"', '\xfb\xff\xbf\xff\xff\xff'],
    ['with escaped slashes', '\\/\\/\\/\\/QUJD\\/w=="', '\xff\xff\xffABC\xff'],
    ['with escapes by number, in either case', '\\u002f\\u002F\\u002fAQU\\u004AD"', '\xff\xff\xc0ABC'],
    ['of nothing but escapes by number', '\\u0051\\u0055\\u004a\\u0044"', 'ABC'],
    ['with escaped padding', 'QUJDQQ\\u003d\\u003d"', 'ABCA'],
    ['with an escaped plus sign, hyphen and underscore', '\\u002b\\u002d\\u005f/"', '\xfb\xef\xff'],
    ['with bits left over in its padded quantum', 'QUJDQR=="', 'ABCA'],
  ])('decodes a string %s', (_name, text, audio) => {
    expectDecoded(text, { state: 'ended', audio, undecoded: '', unread: '' });
  });

  it('reads nothing behind the closing quote', () => {
    for (const blockBytes of [3, 30]) {
      expect(decode([Buffer.from('QUJD","x":"QUJD"}')], blockBytes)).toEqual({
        state: 'ended',
        audio: 'ABC',
        undecoded: '',
        unread: ',"x":"QUJD"}',
      });
    }
  });

  it.each([
    ['a foreign character', 'QUJDQ!JDREVG"', 'ABC', 'Q!JDREVG"'],
    ['a foreign character at its start', '!UJDREVG"', '', '!UJDREVG"'],
    ['a foreign character at the end of a quantum', 'QUJDQUJ!REVG"', 'ABC', 'QUJ!REVG"'],
    ['white space', 'QUJD REVG"', 'ABC', ' REVG"'],
    ['a line break', 'QUJD\nREVG"', 'ABC', '\nREVG"'],
    ['a NUL', 'QUJDQ\0JD"', 'ABC', 'Q\0JD"'],
    ['a byte over 127', 'QUJDQU\xe9D"', 'ABC', 'QU\xe9D"'],
    ['padding in its middle', 'QUJDQQ==REVG"', 'ABCA', 'REVG"'],
    ['padding in its middle that leaves a quantum incomplete', 'QUJDQQ=REVG"', 'ABC', 'QQ=REVG"'],
    ['padding at the start of a quantum', 'QUJD=UJD"', 'ABC', '=UJD"'],
    ['padding after one character', 'QUJDQ==="', 'ABC', 'Q==="'],
    ['three signs of padding', 'QUJDQQ==="', 'ABCA', '="'],
    ['a fifth sign of padding', 'QUJDQUI=="', 'ABCAB', '="'],
    ['missing padding after two characters', 'QUJDQQ"}', 'ABC', 'QQ"}'],
    ['missing padding after three characters', 'QUJDQUI"}', 'ABC', 'QUI"}'],
    ['half of its padding', 'QUJDQQ="}', 'ABC', 'QQ="}'],
    ['one character too many', 'QUJDQ"}', 'ABC', 'Q"}'],
    ['an escape that is no base64', 'QUJDQ\\nJD"', 'ABC', 'Q\\nJD"'],
    ['an escaped quote', 'QUJDQ\\"JD"', 'ABC', 'Q\\"JD"'],
    ['an escaped quote between quanta', 'QUJD\\"QUJD"', 'ABC', '\\"QUJD"'],
    ['an escaped quote by number', 'QUJD\\u0022QUJD"', 'ABC', '\\u0022QUJD"'],
    ['an escaped backslash', 'QUJDQ\\\\JD"', 'ABC', 'Q\\\\JD"'],
    ['an escape by number over 255', 'QUJDQ\\u0151JD"', 'ABC', 'Q\\u0151JD"'],
    ['an escape that is none in JSON', 'QUJDQ\\xJD"', 'ABC', 'Q\\xJD"'],
    ['an escape by number that is no hex', 'QUJDQ\\u00zzJD"', 'ABC', 'Q\\u00zzJD"'],
    ['an escape by number that the quote cuts short', 'QUJDQ\\u00"}', 'ABC', 'Q\\u00"}'],
    ['an escape after padding', 'QUJDQQ==\\/"', 'ABCA', '\\/"'],
    ['an escape whose good quantum comes first', '\\u0051UJD\\u0051!"', 'ABC', '\\u0051!"'],
    ['a slip after many quanta', `${'QUJD'.repeat(20)}QU*D"`, 'ABC'.repeat(20), 'QU*D"'],
  ])('is broken by %s and keeps everything from that quantum on as received', (_name, text, audio, from) => {
    const bytes = Buffer.from(text, 'latin1');
    for (const blockBytes of [3, 6, 9, 30]) {
      for (const pieces of [[bytes], inPiecesOf(1, bytes), ...Array.from(bytes, (_, cut) => cutAt(bytes, cut))]) {
        const decoded = decode(pieces, blockBytes);
        expect(decoded.state).toBe('broken');
        expect(decoded.audio).toBe(audio);
        expect(decoded.undecoded + decoded.unread).toBe(from);
        expect(decoded.undecoded).not.toBe('');
      }
    }
  });

  it.each([
    ['with a whole quantum', 'QUJD', 'ABC', ''],
    ['with nothing', '', '', ''],
    ['with one character over', 'QUJDQ', 'ABC', 'Q'],
    ['with half of the padding', 'QUJDQQ=', 'ABC', 'QQ='],
    ['with whole padding', 'QUJDQQ==', 'ABCA', ''],
    ['in the middle of an escape', 'QUJDQ\\u00', 'ABC', 'Q\\u00'],
    ['with a backslash', 'QUJD\\', 'ABC', '\\'],
    ['in the middle of an escape after padding', 'QUJDQQ==\\u', 'ABCA', '\\u'],
  ])(
    'stays open when the text ends %s, and keeps what is not complete as received',
    (_name, text, audio, undecoded) => {
      expectDecoded(text, { state: 'open', audio, undecoded, unread: '' });
    },
  );

  it('reads nothing while there is no block, and goes on where it stood', () => {
    const sink = new CollectingSink(3);
    const decoder = new Base64StringDecoder(sink);
    const text = Buffer.from('QUJDREVG"');
    expect(decoder.write(text, 0)).toBe(0);
    sink.provide();
    expect(decoder.write(text, 0)).toBe(4);
    expect(decoder.write(text, 4)).toBe(4);
    sink.provide();
    expect(decoder.write(text, 4)).toBe(8);
    sink.provide();
    expect(decoder.write(text, 8)).toBe(9);
    expect(decoder.state).toBe('ended');
    expect(sink.bytes.toString()).toBe('ABCDEF');
  });

  it('writes from where the block is used on, and leaves a last byte that no quantum fits into', () => {
    const sink = new CollectingSink(8);
    sink.provide();
    const decoder = new Base64StringDecoder(sink);
    sink.block?.write('x');
    sink.wrote(1);
    expect(decoder.write(Buffer.from('QUJDREVG'), 0)).toBe(8);
    expect(sink.bytes.toString()).toBe('xABCDEF');
    expect(sink.used).toBe(7);
  });

  it('reads nothing more once it is broken or ended', () => {
    for (const text of ['!', '"']) {
      const sink = new CollectingSink(30);
      sink.provide();
      const decoder = new Base64StringDecoder(sink);
      expect(decoder.write(Buffer.from(`${text}QUJD`), 0)).toBe(1);
      expect(decoder.write(Buffer.from(`${text}QUJD`), 1)).toBe(1);
      expect(sink.bytes).toHaveLength(0);
    }
  });

  it('decodes megabytes in large pieces to the same bytes', () => {
    const bytes = noise(1_000_001);
    const text = Buffer.from(`${bytes.toString('base64')}"`);
    const decoded = decode(inPiecesOf(65_536, text), 99_999);
    expect(decoded.state).toBe('ended');
    expect(decoded.audio === bytes.toString('latin1')).toBe(true);
  });
});

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

it('Base64StringDecoder agrees with a reference on any text, in any pieces and blocks', () => {
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
  fc.assert(property, { numRuns: 10_000, seed: 2 });
});

describe('decodeBase64', () => {
  it.each([
    ['nothing', '', ''],
    ['whole quanta', 'QUJD', 'ABC'],
    ['one sign of padding', 'QUI=', 'AB'],
    ['two signs of padding', 'QQ==', 'A'],
    ['the standard alphabet', '+/+/', '\xfb\xff\xbf'],
    ['the URL-safe alphabet', '-_-_', '\xfb\xff\xbf'],
  ])('decodes %s', (_name, text, bytes) => {
    expect(decodeBase64(text)?.toString('latin1')).toBe(bytes);
  });

  it.each([
    ['a foreign character', 'QU!D'],
    ['white space around it', ' QUJD   '],
    ['a line break at its end', 'QUJDQUI\n'],
    ['missing padding', 'QUI'],
    ['padding in its middle', 'QQ==QUJD'],
    ['padding only', '===='],
    ['three signs of padding', 'Q==='],
    ['a character over 127', 'QUJé'],
  ])('refuses %s', (_name, text) => {
    expect(decodeBase64(text)).toBeUndefined();
  });

  it('agrees with the decoder of pieces about what is base64, and about its bytes', () => {
    const property = fc.property(texts, (tokens) => {
      const text = tokens.map(({ meant }) => meant).join('');
      const { state, audio } = decode([Buffer.from(`${text.replaceAll('?', '!')}"`, 'latin1')], 30);
      expect(decodeBase64(text)?.toString('latin1')).toBe(state === 'ended' ? audio : undefined);
    });
    fc.assert(property, { numRuns: 3000, seed: 3 });
  });
});
