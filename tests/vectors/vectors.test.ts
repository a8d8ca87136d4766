import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SignatureError } from '../../src/lib/errors.ts';
import { type SignedDelivery, withSignature } from '../../src/lib/signature/withSignature.ts';
import { bodyOf } from '../support/bodies.ts';
import { headerOf, type SignatureCase, signatureCases } from './cases.ts';

const files = [...signatureCases()];
const all = files.flatMap(([, cases]) => cases);
const bytesOf = (base64: string) => Buffer.from(base64, 'base64');

/** HMAC-SHA256 by its definition (RFC 2104 §2), so that the files are not checked with what they test. */
function hmac(secret: string, message: Buffer): Buffer {
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const key = Buffer.alloc(64);
  const text = Buffer.from(secret);
  (text.length > 64 ? sha256(text) : text).copy(key);
  const padded = (pad: number) => key.map((byte) => byte ^ pad);
  return sha256(padded(0x5c), sha256(padded(0x36), message));
}

const signatureOf = (secret: string, timestamp: string, body: Buffer) =>
  hmac(secret, Buffer.concat([Buffer.from(`${timestamp}.`), body])).toString('hex');

/** All that could be taken for a signature: every 64 hex digits in a row. */
const candidatesOf = ({ headers }: SignatureCase) =>
  [...headers.join('\n').matchAll(/(?=([0-9a-fA-F]{64}))/g)].map(([, hex]) => hex?.toLowerCase());

const timestampOf = ({ headers }: SignatureCase) => /(?:^|[,\s])t=([^,\s]*)/.exec(headers.join())?.[1] ?? '';

const v0sOf = ({ headers }: SignatureCase) =>
  [...headers.join().matchAll(/(?:^|[,\s])v0=([0-9a-fA-F]{64})(?![^,\s])/g)].map(([, hex]) => hex?.toLowerCase());

/** Positions of the secrets under which a v0 is the signature of time and body as received. */
const matchingSecrets = (vector: SignatureCase) =>
  vector.secrets.flatMap((secret, index) =>
    v0sOf(vector).includes(signatureOf(secret, timestampOf(vector), bytesOf(vector.body))) ? [index + 1] : [],
  );

describe('the files of vectors', () => {
  it('are as their schema says', () => {
    const read = (name: string): unknown => JSON.parse(readFileSync(`${import.meta.dirname}/${name}.json`, 'utf8'));
    const schema = z.fromJSONSchema(read('vectors.schema') as Parameters<typeof z.fromJSONSchema>[0]);
    for (const [name] of files) expect(schema.safeParse(read(name)).error, name).toBeUndefined();
  });

  it('hold at least 80 cases, each under a name of its own and no two the same', () => {
    expect(all.length).toBeGreaterThanOrEqual(80);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    const received = all.map(({ name: _name, reason: _reason, ...others }) => JSON.stringify(others));
    expect(new Set(received).size).toBe(all.length);
  });

  it.each([
    ['wsec_test', 'd8a0fc2a9a570a47e6ccaf1aafe3739f64d26a9dfac82f7d1a617fade715152a'],
    ['wsec_0123456789abcdef', '763a0972f80fe355c608045f8fdbd040c06fdf3b7875dfffe1d23f1ddb728d55'],
  ])('hold the vector of %s that was computed with OpenSSL', (secret, hex) => {
    const header = `t=1739537297,v0=${hex}`;
    expect(all.some(({ headers, secrets }) => headers[0] === header && secrets[0] === secret)).toBe(true);
  });
});

describe.each(files)('what %s.json says is right by a computation of its own:', (_file, cases) => {
  it.each(cases)('$name', (vector) => {
    const { expect: expected, signedAs, now, toleranceSeconds, futureSkewSeconds } = vector;
    if (signedAs !== undefined) {
      const body = bytesOf(signedAs.body ?? vector.body);
      expect(candidatesOf(vector)).toContain(signatureOf(signedAs.secret, signedAs.timestamp, body));
    }
    const ageSeconds = Math.floor(now) - Number(timestampOf(vector));
    const isInTime = ageSeconds <= toleranceSeconds && ageSeconds >= -futureSkewSeconds;
    if (expected.verdict === 'genuine') expect([isInTime, matchingSecrets(vector)[0]]).toEqual([true, expected.secret]);
    else if (expected.code === 'signature_mismatch') expect([isInTime, matchingSecrets(vector)]).toEqual([true, []]);
    else if (expected.code === 'timestamp_too_old') expect(ageSeconds).toBeGreaterThan(toleranceSeconds);
    else if (expected.code === 'timestamp_in_future') expect(ageSeconds).toBeLessThan(-futureSkewSeconds);
  });
});

async function readOff({ body }: SignedDelivery) {
  const pieces: Uint8Array[] = [];
  for await (const bytes of body) pieces.push(bytes);
  return { bytes: Buffer.concat(pieces), proof: body.proof() };
}

/** The request as it reaches the app, through all gates. */
function verify(vector: SignatureCase) {
  const header = headerOf(vector);
  const request = {
    headers: new Headers(header === null ? {} : { 'elevenlabs-signature': header }),
    body: bodyOf(bytesOf(vector.body)),
  } as unknown as Parameters<typeof withSignature>[1]; // Node's own types of both
  const endpoint = {
    ...vector,
    bodyLimitBytes: 10_000,
    bodyDeadlineSeconds: 60,
    now: () => vector.now * 1000,
  };
  return withSignature(endpoint, request, readOff);
}

describe.each(files)('our verifier on %s.json:', (_file, cases) => {
  it.each(cases)('$name', async (vector) => {
    const { expect: expected, body } = vector;
    if (expected.verdict === 'genuine') {
      const { bytes, proof } = await verify(vector);
      expect(bytes.equals(bytesOf(body))).toBe(true);
      expect(proof.secretPosition).toBe(expected.secret);
      expect(proof.signedAtSeconds).toBe(Number(timestampOf(vector)));
      return;
    }
    const failure: unknown = await verify(vector).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SignatureError);
    expect(failure).toMatchObject({ code: expected.code });
  });
});
