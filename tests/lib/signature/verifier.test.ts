import { describe, expect, it } from 'vitest';
import { Verifier } from '../../../src/lib/signature/verifier.ts';
import { v0, vectors } from './sign.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const BODY = '{"type":"post_call_audio"}';
const WRONG = '00'.repeat(32);

function matchOf(secrets: readonly string[], signatures: readonly string[], body = BODY, timestamp = '1700000000') {
  const verifier = new Verifier({ timestamp, signatures: signatures.map(bytes) }, secrets);
  verifier.update(Buffer.from(body));
  return verifier.matchingSecret();
}

describe('Verifier', () => {
  describe.each(vectors)('on the vector with $name', ({ secret, timestamp, body, signature }) => {
    const whole = Buffer.from(body);

    it('matches', () => {
      expect(matchOf([secret], [signature], body, timestamp)).toBe(1);
    });

    it('matches wherever the body is cut', () => {
      for (let cut = 0; cut <= whole.length; cut++) {
        const verifier = new Verifier({ timestamp, signatures: [bytes(signature)] }, [secret]);
        verifier.update(whole.subarray(0, cut));
        verifier.update(whole.subarray(cut));
        expect(verifier.matchingSecret()).toBe(1);
      }
    });

    it('does not match when any one byte of the body is another', () => {
      for (let at = 0; at < whole.length; at++) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const verifier = new Verifier({ timestamp, signatures: [bytes(signature)] }, [secret]);
        verifier.update(changed);
        expect(verifier.matchingSecret()).toBeUndefined();
      }
    });
  });

  const [first, second, third] = ['wsec_first', 'wsec_second', 'wsec_third'] as const;
  const by = (secret: string) => v0(secret, '1700000000', BODY);

  it.each([
    ['the only secret', [first], [by(first)], 1],
    ['the first of three', [first, second, third], [by(first)], 1],
    ['the second of three', [first, second, third], [by(second)], 2],
    ['the last of three', [first, second, third], [by(third)], 3],
    ['a later signature after wrong ones', [first], [WRONG, WRONG, by(first)], 1],
    ['an earlier signature before wrong ones', [first], [by(first), WRONG], 1],
    ['a later signature under a later secret', [first, second], [WRONG, by(second)], 2],
    ['two secrets, and names the first of them', [first, second], [by(second), by(first)], 1],
    ['a secret that is configured twice, and names its first position', [first, first], [by(first)], 1],
  ])('names the position of %s', (_name, secrets, signatures, position) => {
    expect(matchOf(secrets, signatures)).toBe(position);
  });

  it.each([
    ['a wrong signature', [first, second], [WRONG]],
    ['a secret that is not configured', [first, second], [by(third)]],
    ['a signature for another time', [first], [v0(first, '1700000001', BODY)]],
    ['a signature of the body without the time', [first], [v0(first, '', BODY)]],
    [
      'a signature whose last bit is another',
      [first],
      [by(first).replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))],
    ],
    ['a secret stripped of its prefix', ['first'], [by(first)]],
    ['no secret at all', [], [by(first)]],
  ])('has no match for %s', (_name, secrets, signatures) => {
    expect(matchOf(secrets, signatures)).toBeUndefined();
  });

  it('signs the time exactly as it was received, leading zeros included', () => {
    expect(matchOf([first], [v0(first, '0005', BODY)], BODY, '0005')).toBe(1);
    expect(matchOf([first], [v0(first, '5', BODY)], BODY, '0005')).toBeUndefined();
  });

  it('takes the secret as UTF-8', () => {
    expect(matchOf(['clé☎'], [v0('clé☎', '1700000000', BODY)])).toBe(1);
  });

  it('verifies an empty body', () => {
    expect(matchOf([first], [v0(first, '1700000000', '')], '')).toBe(1);
  });
});
