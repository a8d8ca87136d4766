import { describe, expect, it } from 'vitest';
import { Base64StringDecoder, decodeBase64, decodeBase64Bytes } from '../../../src/lib/json/base64.ts';
import { CollectingSink } from './collectingSink.ts';
import { type Decoded, decode } from './decode.ts';
import { cutAt, inPiecesOf, noise } from './pieces.ts';

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
    ['an escape that is not valid base64', 'QUJDQ\\nJD"', 'ABC', 'Q\\nJD"'],
    ['an escaped quote', 'QUJDQ\\"JD"', 'ABC', 'Q\\"JD"'],
    ['an escaped quote between quanta', 'QUJD\\"QUJD"', 'ABC', '\\"QUJD"'],
    ['an escaped quote by number', 'QUJD\\u0022QUJD"', 'ABC', '\\u0022QUJD"'],
    ['an escaped backslash', 'QUJDQ\\\\JD"', 'ABC', 'Q\\\\JD"'],
    ['an escape by number over 255', 'QUJDQ\\u0151JD"', 'ABC', 'Q\\u0151JD"'],
    ['an escape that JSON does not have', 'QUJDQ\\xJD"', 'ABC', 'Q\\xJD"'],
    ['an escape by number that is not hex', 'QUJDQ\\u00zzJD"', 'ABC', 'Q\\u00zzJD"'],
    ['an escape by number that begins as hex', 'QUJDQ\\u41zzJD"', 'ABC', 'Q\\u41zzJD"'],
    ['an escape by number with a sign', 'QUJDQ\\u+041JD"', 'ABC', 'Q\\u+041JD"'],
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

  it.each([
    ['clean text', 0, '"', 2],
    ['clean text that goes on', 0, '', 2],
    ['text with a hundred escapes', 100, '"', 300],
    ['text with a hundred escapes that goes on', 100, '', 300],
  ])('decodes %s at memory speed: in few steps, each as long as it can be', (_name, escapes, end, steps) => {
    const bytes = noise(90_000);
    const text = [...(bytes.toString('base64').match(/.{1200}/g) ?? [])]
      .map((piece, index) =>
        index < escapes ? `${piece.slice(0, -1)}\\u00${piece.charCodeAt(1199).toString(16)}` : piece,
      )
      .join('');
    const sink = new CollectingSink(90_001);
    sink.provide();
    let wrote = 0;
    const countingSink = {
      block: sink.block,
      get used() {
        return sink.used;
      },
      wrote: (length: number) => {
        wrote++;
        sink.wrote(length);
      },
      ready: () => sink.ready(),
    };
    const body = Buffer.from(text + end);
    expect(new Base64StringDecoder(countingSink).write(body, 0)).toBe(body.length);
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(wrote).toBeLessThanOrEqual(steps);
  });

  it('is ready when its sink is', async () => {
    const sink = new CollectingSink(300);
    const decoder = new Base64StringDecoder(sink);
    expect(decoder.write(Buffer.from('QUJD'), 0)).toBe(0);
    await decoder.ready();
    expect(decoder.write(Buffer.from('QUJD'), 0)).toBe(4);
  });

  it('decodes megabytes in large pieces to the same bytes', () => {
    const bytes = noise(1_000_001);
    const text = Buffer.from(`${bytes.toString('base64')}"`);
    const decoded = decode(inPiecesOf(65_536, text), 99_999);
    expect(decoded.state).toBe('ended');
    expect(decoded.audio === bytes.toString('latin1')).toBe(true);
  });
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
    expect(decodeBase64Bytes(Buffer.from(text))?.toString('latin1')).toBe(bytes);
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
    expect(decodeBase64Bytes(Buffer.from(text))).toBeUndefined();
  });

  it('decodes text of many pieces, and finds what is wrong in any of them', () => {
    const bytes = Buffer.from(noise(150_000));
    const text = bytes.toString('base64');
    expect(decodeBase64Bytes(Buffer.from(text))?.equals(bytes)).toBe(true);
    for (const at of [0, 49_151, 49_152, 98_304, text.length - 1]) {
      expect(decodeBase64Bytes(Buffer.from(`${text.slice(0, at)}*${text.slice(at + 1)}`)), `at ${at}`).toBeUndefined();
    }
  });
});
