import { describe, expect, it } from 'vitest';
import { SignatureError } from '../../../src/lib/errors.ts';
import { parseSignatureHeader, SIGNATURE_HEADER } from '../../../src/lib/signature/header.ts';

const A = 'ab'.repeat(32);
const B = '01'.repeat(32);
const times = (count: number, part: string) => Array.from({ length: count }, () => part).join(',');

function failureOf(value: string | null): SignatureError {
  try {
    parseSignatureHeader(value);
  } catch (error) {
    if (error instanceof SignatureError) return error;
    throw error;
  }
  throw new Error('The header was accepted.');
}

describe('parseSignatureHeader', () => {
  it('reads the header that is named as Node spells it', () => {
    expect(SIGNATURE_HEADER).toBe('elevenlabs-signature');
  });

  it.each([
    ['the usual form', `t=1739537297,v0=${A}`, '1739537297', [A]],
    ['v0 before t', `v0=${A},t=1739537297`, '1739537297', [A]],
    ['t between two v0', `v0=${A},t=5,v0=${B}`, '5', [A, B]],
    ['white space around the parts', ` t=5 ,\t v0=${A} `, '5', [A]],
    ['upper-case hex', `t=5,v0=${A.toUpperCase()}`, '5', [A]],
    ['hex of both cases', `t=5,v0=${'aB'.repeat(32)}`, '5', [A]],
    ['a t of one digit', `t=0,v0=${A}`, '0', [A]],
    ['a t of twelve digits', `t=999999999999,v0=${A}`, '999999999999', [A]],
    ['a t with leading zeros, kept as received because it is signed', `t=007,v0=${A}`, '007', [A]],
    ['ten v0', `t=5,${times(10, `v0=${A}`)}`, '5', Array(10).fill(A)],
    ['the same v0 twice', `t=5,v0=${A},v0=${A}`, '5', [A, A]],
    ['other schemes beside v0', `t=5,v1=zzz,v0=${A},kid=`, '5', [A]],
    ['another scheme whose value holds an equals sign', `t=5,v1=YQ==,v0=${A}`, '5', [A]],
    ['names of another case, which are other schemes', `T=9,V0=zz,t=5,v0=${A}`, '5', [A]],
    ['exactly 4096 characters', `t=5,v0=${A},x=`.padEnd(4096, 'x'), '5', [A]],
  ])('accepts %s', (_name, value, timestamp, signatures) => {
    const header = parseSignatureHeader(value);
    expect(header.timestamp).toBe(timestamp);
    expect(header.signatures.map((signature) => signature.toString('hex'))).toEqual(signatures);
  });

  it.each([
    ['absent', null],
    ['empty', ''],
  ])('calls a header that is %s missing', (_name, value) => {
    expect(failureOf(value)).toMatchObject({ code: 'signature_missing', status: 401 });
  });

  it.each([
    ['longer than 4096 characters', `t=5,v0=${A},x=`.padEnd(4097, 'x'), 'longer than 4096'],
    ['a megabyte long', 'x'.repeat(1_000_000), 'longer than 4096'],
    ['only white space', '   ', 'name=value'],
    ['without parts', ',', 'name=value'],
    ['with a comma at its end', `t=5,v0=${A},`, 'name=value'],
    ['with a part without a value', `t=5,v0=${A},x`, 'name=value'],
    ['with a part without a name', `t=5,v0=${A},=x`, 'name=value'],
    ['separated by semicolons', `t=5;v0=${A}`, 't is not'],
    ['without t', `v0=${A}`, 'no t'],
    ['without v0', 't=5', 'no v0'],
    ['with another scheme only', `t=5,v1=${A}`, 'no v0'],
    ['with two t', `t=5,t=5,v0=${A}`, 'more than one t'],
    ['with a t of letters', `t=abc,v0=${A}`, 't is not'],
    ['with an empty t', `t=,v0=${A}`, 't is not'],
    ['with a t of thirteen digits', `t=1234567890123,v0=${A}`, 't is not'],
    ['with a negative t', `t=-5,v0=${A}`, 't is not'],
    ['with a fractional t', `t=5.0,v0=${A}`, 't is not'],
    ['with white space inside t', `t= 5,v0=${A}`, 't is not'],
    ['with digits of another script', `t=٥,v0=${A}`, 't is not'],
    ['with a line break after t', `t=5\n5,v0=${A}`, 't is not'],
    ['with a v0 of 63 digits', `t=5,v0=${A.slice(1)}`, '64 hex'],
    ['with a v0 of 65 digits', `t=5,v0=${A}a`, '64 hex'],
    ['with an empty v0', 't=5,v0=', '64 hex'],
    ['with a v0 that is not hex', `t=5,v0=${'g'.repeat(64)}`, '64 hex'],
    ['with a bad v0 beside a good one', `t=5,v0=${A},v0=bad`, '64 hex'],
    ['with eleven v0', `t=5,${times(11, `v0=${A}`)}`, 'more than 10 v0'],
    ['with 5000 signatures', `t=5,${times(5000, `v0=${A}`)}`, 'longer than 4096'],
  ])('calls a header %s malformed and tells the operator why', (_name, value, reason) => {
    const failure = failureOf(value);
    expect(failure).toMatchObject({ code: 'signature_malformed', status: 401 });
    expect(failure.hint).toContain(reason);
  });

  it('repeats nothing of the header in what it says', () => {
    const { message, hint } = failureOf(`t=5,v0=${B},v0=not-to-be-seen`);
    expect(`${message} ${hint}`).not.toMatch(/not-to-be-seen|0101/);
  });
});
