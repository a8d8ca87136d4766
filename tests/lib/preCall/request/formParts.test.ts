import { describe, expect, test } from 'vitest';
import { formParts } from '../../../../src/lib/preCall/request/formParts.ts';

const TYPE = 'multipart/form-data; boundary=bb';
const NAMED = 'Content-Disposition: form-data; name="a"';
const TYPED = 'Content-Type: text/plain; charset=utf-16le';
const ANY_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
const LONG = 'x'.repeat(3_000_000);

/** A form of one part, unless something else is said. */
const form = (head: string, text = 'content', boundary = 'bb') =>
  `--${boundary}\r\n${head}\r\n\r\n${text}\r\n--${boundary}--\r\n`;
const parts = (body: string, contentType = TYPE) => formParts(Buffer.from(body, 'latin1'), contentType);
const texts = async (body: string, contentType?: string) =>
  (await parts(body, contentType)).map(({ bytes }) => bytes.toString('latin1'));

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
    ['after a semicolon too many', ';; boundary=bb', 'bb'],
  ])('%s', async (_name, parameter, boundary) => {
    expect(await texts(form(NAMED, 'x', boundary), `multipart/form-data; ${parameter}`)).toEqual(['x']);
  });

  test.each(['', '; boundary=', '; boundary=""', '; bound=bb', `; boundary=${'b'.repeat(300)}`, '; boundary'])(
    'that is not usable (%j) is refused',
    async (parameter) => {
      await expect(parts(form(NAMED), `multipart/form-data${parameter}`)).rejects.toThrow('no usable boundary');
    },
  );

  test('is looked for in a header that is all quotes and semicolons', async () => {
    for (const text of [';a="\\', ';a ', ';', ';a=', '; a=""\\']) {
      await expect(parts(form(NAMED), text.repeat(100_000))).rejects.toThrow('no usable boundary'); // minutes by the square of it
    }
  });

  test('is found whatever blanks come before it', async () => {
    expect(await texts(form(NAMED), 'multipart/form-data\u00a0; boundary=bb')).toEqual(['content']);
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
    ['may hold what looks like a header', form(NAMED, TYPED), [TYPED]],
    ['may hold any byte', form(NAMED, ANY_BYTES), [ANY_BYTES]],
    ['may hold any byte and have a type', form(`${NAMED}\r\n${TYPED}`, ANY_BYTES), [ANY_BYTES]],
    ['may be a file of megabytes', form(`${NAMED}\r\n${TYPED}`, LONG), [LONG]],
    ['is cut off after 1 MiB when it is not a file', form(NAMED, LONG), [LONG.slice(0, 1024 * 1024)]],
  ])('%s', async (_name, body, expected) => {
    const found = await texts(body);
    expect(found.map((text, at) => text === expected[at])).toEqual(expected.map(() => true));
  });

  test.each<[string, string | undefined, boolean]>([
    [NAMED, 'a', false],
    ['content-DISPOSITION:form-data;name=a', 'a', false],
    ['Content-Disposition: form-data; name="a\\"b"', 'a"b', false],
    ['Content-Disposition: form-data;\r\n name="a";\r\n\tfilename=x', 'a', true],
    [`${NAMED}; filename="x.wav"`, 'a', true],
    [`${NAMED}; filename="C:\\x.wav"`, 'a', true],
    [`${NAMED}; filename=""`, 'a', false],
    [`${NAMED}; filename*=UTF-8''%e2%82%ac.wav`, 'a', true],
    [`${NAMED}\r\nContent-Type: audio/wav`, 'a', true],
    [`Content-Type: text/plain; charset=x\r\n${NAMED}`, 'a', true],
    [`Content-Type:\r\n text/plain; charset=utf-16le\r\n${NAMED}`, 'a', true],
    [`${NAMED}\r\ncontent-type: text/plain;\r\n\tcharset=x\r\ncontent-type: text/plain; charset=y`, 'a', true],
    [`${NAMED}\r\nContent-Type: `, 'a', false],
    [`${NAMED}\r\nContent-Disposition: form-data; name="b"`, 'a', false],
    ['Content-Disposition: form-data; filename="name=a"', undefined, true],
    ['Content-Disposition: form-data', undefined, false],
  ])('with the header %j', async (head, name, isFile) => {
    expect(await parts(form(head))).toEqual([{ name, isFile, bytes: Buffer.from('content') }]);
  });

  test.each([
    'Content-Disposition: attachment; name="a"',
    'Content-Disposition: form-database; name="a"',
    `${NAMED};`,
    `${NAMED}; filename=two words.wav`,
    `${NAMED}; filename*=X-UNKNOWN''x`,
    'Content-Type: audio/wav',
  ])('counts as absent without a valid Content-Disposition of form-data (%j)', async (head) => {
    expect(await parts(form(head))).toEqual([]);
  });
});

describe('what is not a form is refused, and the message says why', () => {
  test.each<[string, string, RegExp]>([
    ['without any boundary', 'content', /no line with the boundary/],
    ['empty', '', /no line with the boundary/],
    [
      'with the boundary in the middle of a line',
      `x${form(NAMED)}`.replace('\r\n--bb--', ''),
      /no line with the boundary/,
    ],
    ['without an end', `--bb\r\n${NAMED}\r\n\r\nx`, /before its closing boundary/],
    [
      'without an end after a file',
      `--bb\r\n${NAMED}; filename="x"\r\n\r\nx\r\n--bb\r\n`,
      /before its closing boundary/,
    ],
    ['cut off in its last boundary', `--bb\r\n${NAMED}\r\n\r\nx\r\n--bb-`, /before its closing boundary/],
    ['with a header that never ends', `--bb\r\n${NAMED}\r\n--bb--`, /header of a part of the form does not end/],
    ['with nothing between two boundaries', '--bb\r\n--bb--', /header of a part of the form does not end/],
    ['with the boundary for a header', form(`${NAMED}\r\n--bb`), /header of a part of the form does not end/],
    ['with a part without header', '--bb\r\n\r\nx\r\n--bb--', /header of a part is malformed/],
    ['with a header line without colon', form(`${NAMED}\r\nno header line`), /header of a part is malformed/],
    ['with a line feed for the end of a header line', form(`${NAMED}\nx: y`), /header of a part is malformed/],
    ['with a header line of 17 KiB', form(`${NAMED}\r\nx: ${'y'.repeat(17_000)}`), /or over 16 KiB/],
    ['with 9 parts', `${`--bb\r\n${NAMED}\r\n\r\nx\r\n`.repeat(9)}--bb--`, /more than 8 parts/],
    [
      'with 300,000 parts',
      `${'--bb\r\n\r\n\r\n'.replace('\r\n', `\r\n${NAMED}`).repeat(300_000)}--bb--`,
      /more than 8 parts/,
    ],
    ['with 9 files', `${`--bb\r\n${NAMED}; filename="x"\r\n\r\nx\r\n`.repeat(9)}--bb--`, /more than 8 parts/],
  ])('%s', async (_name, body, message) => {
    await expect(parts(body)).rejects.toMatchObject({
      code: 'broken_multipart',
      status: 400,
      message: expect.stringMatching(message),
    });
  });

  test('8 parts are not too many', async () => {
    for (const head of [NAMED, `${NAMED}; filename="x"`]) {
      expect(await parts(`${`--bb\r\n${head}\r\n\r\nx\r\n`.repeat(8)}--bb--`)).toHaveLength(8);
    }
  });
});
