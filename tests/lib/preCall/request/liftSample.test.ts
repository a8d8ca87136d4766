import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { liftSample } from '../../../../src/lib/preCall/request/liftSample.ts';

const LONG = 'QUJD'.repeat(1000);
const lift = (text: string | Buffer) => liftSample(Buffer.from(text));

/** Members in any order, each of which may come twice, may be long, and may hold what JSON escapes. */
const requestText = fc
  .record({
    data: fc.oneof(
      fc.uint8Array({ minLength: 1000, maxLength: 3000 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      fc.constantFrom(
        '',
        LONG,
        `${LONG}Q`,
        `${LONG}QQ==`,
        `QQ==${LONG}`,
        `${LONG}\n`,
        `${LONG}é`,
        LONG.replaceAll('A', '_'),
      ),
    ),
    beside: fc.dictionary(
      fc.constantFrom('a', 'data', '"', '\\', 'voice_sample'),
      fc.oneof(fc.string({ unit: fc.constantFrom('"', '\\', 'ü', 'a', '/') }), fc.constant(LONG), fc.integer()),
    ),
    isFirst: fc.boolean(),
    isEscaped: fc.boolean(),
  })
  .map(({ data, beside, isFirst, isEscaped }) => {
    const sample = JSON.stringify({ format: 'base64', data });
    const member = `"voice_sample":${isEscaped ? sample.replaceAll('/', '\\/') : sample}`;
    const others = JSON.stringify(beside).slice(1, -1);
    const members = isFirst ? [member, others] : [others, member];
    return `{${members.filter((each) => each !== '').join(',')}}`;
  });

describe('the sample', () => {
  test('is what parsing the whole request finds, and so is the rest', () => {
    let lifts = 0;
    fc.assert(
      fc.property(requestText, (text) => {
        const lifted = lift(text);
        if (lifted === undefined) return;
        lifts += 1;
        const whole = JSON.parse(text);
        expect(lifted.sample.equals(Buffer.from(whole.voice_sample.data, 'base64'))).toBe(true);
        const { voice_sample, ...rest } = lifted.json as { voice_sample: object };
        expect({ ...rest, voice_sample: { ...voice_sample, data: whole.voice_sample.data } }).toEqual(whole);
      }),
      { numRuns: 500 },
    );
    expect(lifts).toBeGreaterThan(0);
  });

  test.each([
    ['a usual request', `{"caller_metadata":{"name":"a\\"b\\\\"},"voice_sample":{"format":"base64","data":"${LONG}"}}`],
    ['one with blanks', `{ "voice_sample" : { "data" : "${LONG}" } }`],
    ['one with padding', `{"voice_sample":{"data":"${LONG}QQ=="}}`],
  ])('of %s is lifted', (_name, text) => {
    expect(lift(text)?.sample.subarray(0, 3).toString()).toBe('ABC');
  });

  test.each<[string, string | Buffer]>([
    ['is short', '{"voice_sample":{"data":"QUJD"}}'],
    ['stands elsewhere', `{"sample":{"data":"${LONG}"},"voice_sample":{"data":""}}`],
    ['comes after another long text', `{"note":"${LONG}","voice_sample":{"data":"${LONG}"}}`],
    ['comes twice', `{"voice_sample":{"data":"${LONG}"},"voice_sample":{"data":"QUJD"}}`],
    ['is not valid base64', `{"voice_sample":{"data":"${LONG}****"}}`],
    ['ends in the middle', `{"voice_sample":{"data":"${LONG}QQ"}}`],
    ['has padding in the middle', `{"voice_sample":{"data":"QQ==${LONG}"}}`],
    ['has escapes', `{"voice_sample":{"data":"${LONG}\\u0041AA"}}`],
    ['is cut off', `{"voice_sample":{"data":"${LONG}`],
    ['stands in no object', `["${LONG}"]`],
    ['is all there is', `"${LONG}"`],
    ['is in what is not valid JSON', `{"voice_sample":{"data":"${LONG}"}`],
    ['is in what is not valid UTF-8', Buffer.from(`{"é":1,"voice_sample":{"data":"${LONG}"}}`, 'latin1')],
  ])('that %s is left to be parsed', (_name, text) => {
    expect(lift(text)).toBeUndefined();
  });

  test('that comes after a thousand texts is lifted', () => {
    expect(lift(`{"a":[${'"",'.repeat(1000)}1],"voice_sample":{"data":"${LONG}"}}`)?.sample).toBeDefined();
  });

  test.each([
    ['members', `{"voice_sample":{"data":"${LONG}"},"a":[${'[],'.repeat(30_000)}1]}`],
    ['texts before it', `{"a":[${'"",'.repeat(30_000)}1],"voice_sample":{"data":"${LONG}"}}`],
    ['a second long text', `{"voice_sample":{"data":"${LONG}"},"a":"${'x'.repeat(70_000)}"}`],
  ])('with more than 64 KiB of %s besides it is refused before it is parsed', (_what, text) => {
    expect(() => lift(text)).toThrow(expect.objectContaining({ code: 'json_too_large', status: 413 }));
  });
});
