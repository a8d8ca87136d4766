import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSample, decodeSampleText, problemOfSampleText } from '../../../../src/lib/preCall/request/sampleText.ts';
import { isLinear } from '../../../support/cpu.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const breaks = fc.constantFrom('\r\n', '\n', '\r', '\n\n');

/** What encoders write: a line break after every so many characters. */
const wrapped = fc.tuple(bytes, breaks, fc.integer({ min: 1, max: 76 })).map(([plain, lineBreak, width]) => ({
  plain,
  text: Buffer.from(plain)
    .toString('base64')
    .replace(new RegExp(`.{1,${width}}`, 'g'), `$&${lineBreak}`),
}));

describe('base64 with line breaks', () => {
  test('decodes to the same, as a string and from its JSON', () => {
    fc.assert(
      fc.property(wrapped, ({ plain, text }) => {
        expect(decodeSampleText(text)).toEqual(Buffer.from(plain));
        expect(decodeSample(Buffer.from(JSON.stringify(text).slice(1, -1)))).toEqual(Buffer.from(plain));
      }),
    );
  });

  test.each(['\\r\\n', '\\n', '\\r', '\\u000a', '\\u000A', '\\u000d\\u000a', '\\u000D\\n'])(
    'written as %s',
    (lineBreak) => {
      expect(decodeSample(Buffer.from(`QUJ${lineBreak}D${lineBreak}QQ=${lineBreak}=${lineBreak}`))?.toString()).toBe(
        'ABCA',
      );
    },
  );
});

describe('from its JSON', () => {
  test('a slash may be escaped, as PHP does', () => {
    expect(decodeSample(Buffer.from('\\/\\/\\/\\/'))).toEqual(Buffer.from('ffffff', 'hex'));
  });

  test.each([
    ['a tab', 'QUJD\\tQUJD'],
    ['a letter as an escape', 'QUJ\\u0044'],
    ['an escape that JSON does not have', 'QUJD\\R\\N'],
    ['an escape that JSON does not have, of a line break', 'QUJD\\U000A'],
    ['an escape that is cut off', 'QUJD\\u000'],
    ['a backslash', 'QUJD\\\\'],
    ['a backslash at the end', 'QUJD\\'],
    ['a line break itself, which no JSON has', 'QUJD\nQUJD'],
    ['a blank', 'QUJD QUJD'],
    ['no padding', 'QUI'],
    ['padding in the middle', 'QQ==QUJD'],
  ])('it is not decoded with %s', (_name, json) => {
    expect(decodeSample(Buffer.from(json))).toBeUndefined();
  });

  test('it takes no longer when it is all escapes', () => {
    for (const escaped of ['\\/', '\\n']) {
      expect(isLinear((times) => decodeSample(Buffer.from(escaped.repeat(100_000 * times))))).toBe(true);
    }
  });
});

describe('what is wrong with a text', () => {
  test.each([
    ['data:audio/wav;base64,QUJD', /data URI.*after|data URI.*comma/],
    [' DATA:;base64,QUJD', /data URI/],
    ['QUI', /padding.*multiple of 4/],
    ['QQ', /padding/],
    ['QQ=', /padding/],
    ['QU\r\nI', /padding/],
    ['Q-_', /padding/],
    ['Q', /^is not valid base64$/],
    ['QUJDR', /^is not valid base64$/],
    ['Q*', /^is not valid base64$/],
    ['=', /^is not valid base64$/],
    ['QQ==QUJDQU', /^is not valid base64$/],
    ['Hello, this is not valid base64', /^is not valid base64$/],
  ])('%j', (text, problem) => {
    expect(problemOfSampleText(text)).toMatch(problem);
    expect(decodeSampleText(text)).toBeUndefined();
  });
});
