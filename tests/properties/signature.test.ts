import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SignatureError } from '../../src/lib/errors.ts';
import { parseSignatureHeader } from '../../src/lib/signature/header.ts';
import { withSignature } from '../../src/lib/signature/withSignature.ts';
import { cutAt } from '../lib/json/pieces.ts';
import { v0 } from '../lib/signature/sign.ts';
import { bodyOf } from '../support/bodies.ts';
import { holds } from './holds.ts';

const NOW = 1_739_537_297;

interface Signed {
  readonly time: Buffer;
  readonly signature: Buffer;
  readonly body: Buffer;
}

/** Whether the request is genuine. Anything but a SignatureError comes through. */
async function isGenuine(
  { time, signature, body }: Signed,
  secrets: readonly string[],
  places: readonly number[] = [],
) {
  const request = {
    headers: new Headers({ 'elevenlabs-signature': `t=${time.toString('latin1')},v0=${signature.toString('hex')}` }),
    body: bodyOf(...cutAt(body, ...places)),
  } as unknown as Parameters<typeof withSignature>[1]; // Node's own types of both
  const endpoint = {
    secrets,
    toleranceSeconds: 1800,
    futureSkewSeconds: 300,
    bodyLimitBytes: 100_000,
    bodyDeadlineSeconds: 60,
    now: () => NOW * 1000,
  };
  try {
    return await withSignature(endpoint, request, async ({ body: signed }) => {
      for await (const _bytes of signed);
      return signed.proof().secretPosition > 0;
    });
  } catch (error) {
    if (error instanceof SignatureError) return false;
    throw error;
  }
}

const signed = fc.record({
  body: fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  age: fc.integer({ min: -300, max: 1800 }),
  secrets: fc.array(fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }), { minLength: 1, maxLength: 4 }),
  who: fc.nat(3),
  places: fc.array(fc.nat(500), { maxLength: 6 }),
});

it('what any of the secrets has signed is genuine, in any pieces; with any one bit flipped it is refused', async () => {
  const property = fc.asyncProperty(
    signed,
    fc.constantFrom('body', 'time', 'signature'),
    fc.nat(4000),
    async ({ body, age, secrets, who, places }, part, bit) => {
      const secret = secrets[who % secrets.length] ?? '';
      const time = String(NOW - age);
      const parts = { body, time: Buffer.from(time), signature: Buffer.from(v0(secret, time, body), 'hex') };
      expect(await isGenuine(parts, secrets, places)).toBe(true);
      const bytes = Buffer.from(parts[part]);
      const flipped = bytes[(bit >> 3) % bytes.length];
      if (flipped === undefined) return; // an empty body has no bits
      bytes[(bit >> 3) % bytes.length] = flipped ^ (1 << (bit & 7));
      if (part === 'time' && !isHeaderText(bytes)) return; // cannot be sent
      expect(await isGenuine({ ...parts, [part]: bytes }, secrets, places)).toBe(false);
    },
  );
  await holds(property, 1500);
});

const isHeaderText = (bytes: Buffer) => !/[\0\r\n]/.test(bytes.toString('latin1'));

const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'), minLength: 63, maxLength: 65 });
const part = fc.oneof(
  fc.integer().map((time) => `t=${time}`),
  fc.stringMatching(/^t=[0-9]{0,14}$/),
  hex.map((digits) => `v0=${digits}`),
  hex.map((digits) => `v0=${digits.slice(0, 32)}${digits.slice(0, 32)}`),
  fc.constantFrom(
    't',
    'v0',
    '=',
    '',
    't=',
    'v0=',
    'v1=x',
    'T=5',
    'x==',
    't==5',
    'v0=\u200b',
    '\u0663=\u0663',
    '\u00a0t=5',
    't=5\u2028',
  ),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const spaced = fc
  .tuple(fc.constantFrom('', ' ', '\t', '  \t'), part, fc.constantFrom('', ' ', '\n'))
  .map((texts) => texts.join(''));
const headers = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5000 }) },
  { weight: 8, arbitrary: fc.array(spaced, { maxLength: 14 }).map((parts) => parts.join()) },
);

/** The grammar said once more, as conditions on the list of parts. */
function isWellFormed(text: string): boolean {
  const parts = text.split(',').map((each) => each.trim());
  const times = parts.filter((each) => each.startsWith('t='));
  const signatures = parts.filter((each) => each.startsWith('v0='));
  return (
    text.length <= 4096 &&
    parts.every((each) => /^[^=]+=/.test(each)) &&
    times.length === 1 &&
    times.every((each) => /^t=[0-9]{1,12}$/.test(each)) &&
    signatures.length > 0 &&
    signatures.length <= 10 &&
    signatures.every((each) => /^v0=[0-9a-fA-F]{64}$/.test(each))
  );
}

it('no header makes the parser throw anything but a SignatureError, and it takes what follows the grammar', async () => {
  const property = fc.property(headers, (text) => {
    let failure: unknown;
    try {
      const { timestamp, signatures } = parseSignatureHeader(text);
      expect(text.split(',').map((each) => each.trim())).toContain(`t=${timestamp}`);
      const values = signatures.map((signature) => `v0=${signature.toString('hex')}`);
      for (const value of values) expect(text.toLowerCase()).toContain(value);
    } catch (error) {
      failure = error;
    }
    expect(failure === undefined).toBe(isWellFormed(text));
    if (failure !== undefined) expect(failure).toBeInstanceOf(SignatureError);
  });
  await holds(property, 5000);
});
