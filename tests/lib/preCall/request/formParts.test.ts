import { describe, expect, test } from 'vitest';
import { formParts, parametersOf } from '../../../../src/lib/preCall/request/formParts.ts';

const TYPE = 'multipart/form-data; boundary=bb';
const NAMED = 'Content-Disposition: form-data; name="a"';

/** A form of one part, unless something else is said. */
const form = (head: string, text = 'content', boundary = 'bb') =>
  `--${boundary}\r\n${head}\r\n\r\n${text}\r\n--${boundary}--\r\n`;
const parts = (body: string, contentType = TYPE) => formParts(Buffer.from(body, 'latin1'), contentType);
const texts = (body: string, contentType?: string) =>
  parts(body, contentType).map(({ bytes }) => bytes.toString('latin1'));

describe('the boundary', () => {
  test.each([
    ['plain', 'boundary=bb', 'bb'],
    ['in quotes', 'boundary="b b"', 'b b'],
    ['in quotes with escapes', 'boundary="b\\"\\\\b"', 'b"\\b'],
    ['with a slash, unquoted', 'boundary=b/b', 'b/b'],
    ['with all that RFC 2046 allows, unquoted', "boundary=0'()+_,-./:=?9", "0'()+_,-./:=?9"],
    ['as Java mail writes it', 'boundary=----=_Part_1_2.3', '----=_Part_1_2.3'],
    ['with a semicolon after it', 'boundary=bb;', 'bb'],
    ['with a slash and a semicolon after it', 'boundary=b/b ; ', 'b/b'],
    ['between other parameters', 'charset=utf-8; Boundary=bb; x="a;boundary=no"', 'bb'],
    ['that comes twice: the first', 'boundary=bb; boundary=cc', 'bb'],
    ['after a semicolon too many', ';; boundary = bb', 'bb'],
  ])('%s', (_name, parameter, boundary) => {
    expect(texts(form(NAMED, 'x', boundary), `multipart/form-data; ${parameter}`)).toEqual(['x']);
  });

  test.each(['', '; boundary=', '; boundary=""', '; bound=bb', `; boundary=${'b'.repeat(300)}`, '; boundary'])(
    'that is not usable (%j) is refused',
    (parameter) => {
      expect(() => parts(form(NAMED), `multipart/form-data${parameter}`)).toThrow('no usable boundary');
    },
  );

  test('takes no longer for a header that is all quotes and semicolons', () => {
    for (const text of [';a="\\', ';a ', ';', ';a=', '; a=""\\']) {
      const started = performance.now();
      parametersOf(text.repeat(100_000));
      expect(performance.now() - started).toBeLessThan(5_000); // minutes by the square of it
    }
  });
});

describe('a part', () => {
  test.each<[string, string, string[]]>([
    ['is all bytes up to the next boundary', form(NAMED, 'a\r\n-- bb\r\n--b\r\n'), ['a\r\n-- bb\r\n--b\r\n']],
    [
      'may hold a line that only begins like a boundary',
      form(NAMED, 'a\r\n--bbb\r\n--bb-\r\n--bb x\r\nc'),
      ['a\r\n--bbb\r\n--bb-\r\n--bb x\r\nc'],
    ],
    ['may be empty', form(NAMED, ''), ['']],
    ['may be nothing but a header', `--bb\r\n${NAMED}\r\n\r\n--bb--`, ['']],
    ['may come after a preamble and before an epilogue', `hello\r\n${form(NAMED)}good\r\n--bb\r\nbye`, ['content']],
    [
      'may have blanks after its boundary',
      `--bb \t\r\n${NAMED}\r\n\r\nx\r\n--bb \r\n${NAMED}\r\n\r\ny\r\n--bb--`,
      ['x', 'y'],
    ],
    ['may have no header', '--bb\r\n\r\nx\r\n--bb--', ['x']],
  ])('%s', (_name, body, expected) => {
    expect(texts(body)).toEqual(expected);
  });

  test.each<[string, string | undefined, boolean, boolean]>([
    [NAMED, 'a', false, false],
    ['content-DISPOSITION:form-data;name=a', 'a', false, false],
    ['Content-Disposition: form-data; name="a\\"b"', 'a"b', false, false],
    ['Content-Disposition: form-data;\r\n name="a";\r\n\tfilename=x', 'a', true, false],
    [`${NAMED}; filename="x.wav"`, 'a', true, false],
    [`${NAMED}; filename="C:\\x.wav"`, 'a', true, false],
    [`${NAMED}; filename=""`, 'a', false, false],
    [`${NAMED}; filename*=UTF-8''%e2%82%ac.wav`, 'a', true, false],
    [`${NAMED}\r\nContent-Type: audio/wav`, 'a', false, true],
    [`Content-Type: text/plain; charset=x\r\n${NAMED}`, 'a', false, true],
    [`${NAMED}\r\nContent-Type: `, 'a', false, false],
    [`${NAMED}\r\nContent-Disposition: form-data; name="b"`, 'a', false, false],
    ['Content-Disposition: form-data; filename="name=a"', undefined, true, false],
    ['Content-Disposition: attachment; name="a"', undefined, false, false],
    ['Content-Disposition: form-database; name="a"', undefined, false, false],
    ['Content-Type: audio/wav', undefined, false, true],
    ['no header line', undefined, false, false],
  ])('with the header %j', (head, name, hasFileName, hasContentType) => {
    expect(parts(form(head))).toEqual([{ name, hasFileName, hasContentType, bytes: Buffer.from('content') }]);
  });
});

describe('what is no form is refused, and the message says why', () => {
  test.each<[string, string, RegExp]>([
    ['without any boundary', 'content', /no line with the boundary/],
    ['empty', '', /no line with the boundary/],
    [
      'with the boundary in the middle of a line',
      `x${form(NAMED)}`.replace('\r\n--bb--', ''),
      /no line with the boundary/,
    ],
    ['without an end', `--bb\r\n${NAMED}\r\n\r\nx`, /before its closing boundary/],
    ['cut off in its last boundary', `--bb\r\n${NAMED}\r\n\r\nx\r\n--bb-`, /before its closing boundary/],
    ['with a header that never ends', `--bb\r\n${NAMED}\r\n--bb--`, /no end of its header/],
    ['with nothing between two boundaries', '--bb\r\n--bb--', /no end of its header/],
    ['with 21 header lines', form(`${NAMED}${'\r\nx: y'.repeat(20)}`), /more than 20 header lines/],
    ['with a header line of 17 KiB', form(`${NAMED}\r\nx: ${'y'.repeat(17_000)}`), /header of a part is too long/],
    ['with 9 parts', `${`--bb\r\n${NAMED}\r\n\r\nx\r\n`.repeat(9)}--bb--`, /more than 8 parts/],
  ])('%s', (_name, body, message) => {
    expect(() => parts(body)).toThrow(message);
    expect(() => parts(body)).toThrow(expect.objectContaining({ code: 'broken_multipart', status: 400 }));
  });

  test('8 parts and 20 header lines are not too many', () => {
    expect(parts(`${`--bb\r\n${NAMED}\r\n\r\nx\r\n`.repeat(8)}--bb--`)).toHaveLength(8);
    expect(parts(form(`${NAMED}${'\r\nx: y'.repeat(19)}`))).toHaveLength(1);
  });
});
