import { Readable } from 'node:stream';
import { HttpRequest } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { BodyError, SignatureError } from '../../../src/lib/errors.ts';
import { requestBody } from '../../../src/lib/http/requestBody.ts';
import {
  type SignedDelivery,
  type SignedEndpoint,
  type SignedRequest,
  withSignature,
} from '../../../src/lib/signature/withSignature.ts';
import { bodyOf, brokenAfter, stalledAfter } from '../../support/bodies.ts';
import { sign, vectors } from './sign.ts';

const SECRET = 'wsec_test';
const NOW_SECONDS = 1_739_537_297;
const BODY = '{"type":"post_call_transcription"}';

const endpoint: SignedEndpoint = {
  secrets: [SECRET],
  toleranceSeconds: 1800,
  futureSkewSeconds: 300,
  bodyLimitBytes: 1000,
  bodyDeadlineSeconds: 60,
  now: () => NOW_SECONDS * 1000,
};

function requestOf(headers: Record<string, string>, body: Readable | null = bodyOf(BODY)) {
  return { headers: new Headers(headers) as SignedRequest['headers'], body };
}

const signed = (timestamp: number, more: Record<string, string> = {}) =>
  requestOf({ 'elevenlabs-signature': sign(SECRET, timestamp, BODY), ...more });

async function readOff({ body, signatureAgeSeconds }: SignedDelivery) {
  const pieces: Uint8Array[] = [];
  for await (const bytes of body) pieces.push(bytes);
  return { text: Buffer.concat(pieces).toString(), proof: body.proof(), signatureAgeSeconds };
}

/** The failure, and whether the handler had been called by then. */
async function refusalOf(request: SignedRequest, policy: Partial<SignedEndpoint> = {}) {
  let isHandled = false;
  const failure: unknown = await withSignature({ ...endpoint, ...policy }, request, (delivery) => {
    isHandled = true;
    return readOff(delivery);
  }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { failure, isHandled };
}

describe('a signed request', () => {
  it.each(vectors)('of the vector with $name is genuine', async ({ secret, timestamp, body, signature }) => {
    const request = requestOf({ 'elevenlabs-signature': `t=${timestamp},v0=${signature}` }, bodyOf(body));
    const { text, proof } = await withSignature({ ...endpoint, secrets: [secret] }, request, readOff);
    expect(text).toBe(body);
    expect(proof).toEqual({
      source: 'webhook',
      signedAtSeconds: Number(timestamp),
      secretPosition: 1,
      bodyBytes: Buffer.byteLength(body),
    });
  });

  it('of the real library is genuine, whatever the case of its header name', async () => {
    const request = new HttpRequest({
      method: 'POST',
      url: 'https://app.example/elevenlabs/webhook',
      headers: { 'ElevenLabs-Signature': sign(SECRET, NOW_SECONDS, BODY) },
      body: { string: BODY },
    });
    const body = requestBody(request, { invocationId: 'one' });
    const { text } = await withSignature(endpoint, { headers: request.headers, body }, readOff);
    expect(text).toBe(BODY);
  });

  it('may be signed with any of several secrets', async () => {
    const policy = { ...endpoint, secrets: ['wsec_other', SECRET, 'wsec_third'] };
    const { proof } = await withSignature(policy, signed(NOW_SECONDS), readOff);
    expect(proof.secretPosition).toBe(2);
  });

  it('without a body is genuine when nothing is what was signed', async () => {
    const request = requestOf({ 'elevenlabs-signature': sign(SECRET, NOW_SECONDS, '') }, null);
    const { proof } = await withSignature(endpoint, request, readOff);
    expect(proof.bodyBytes).toBe(0);
  });

  it('gives back what the handler gives', async () => {
    expect(await withSignature(endpoint, signed(NOW_SECONDS), async () => 'the answer')).toBe('the answer');
  });

  it('lets a failure of the handler through', async () => {
    const failure = new Error('of the handler');
    await expect(withSignature(endpoint, signed(NOW_SECONDS), () => Promise.reject(failure))).rejects.toBe(failure);
  });
});

describe('the age of a signature', () => {
  it.each([
    ['as old as the tolerance', 1800, 1800],
    ['as far ahead as the skew', -300, -300],
    ['of this second', 0, 0],
    ['one second old', 1, 1],
  ])('may be %s', async (_name, ageSeconds, reported) => {
    const { signatureAgeSeconds } = await withSignature(endpoint, signed(NOW_SECONDS - ageSeconds), readOff);
    expect(signatureAgeSeconds).toBe(reported);
  });

  it.each([
    ['one second older than the tolerance', 1801, {}, 'timestamp_too_old', 'WEBHOOK_TOLERANCE_SECONDS is 1800'],
    ['one second further ahead than the skew', -301, {}, 'timestamp_in_future', 'WEBHOOK_FUTURE_SKEW_SECONDS is 300'],
    ['as old as the epoch', NOW_SECONDS, {}, 'timestamp_too_old', 'is 1800'],
    ['as far ahead as twelve digits go', NOW_SECONDS - 999_999_999_999, {}, 'timestamp_in_future', 'is 300'],
    ['over a shorter tolerance', 11, { toleranceSeconds: 10 }, 'timestamp_too_old', 'is 10'],
    ['ahead when no skew is allowed', -1, { futureSkewSeconds: 0 }, 'timestamp_in_future', 'is 0'],
  ])('%s is refused with 400 before the body is touched', async (_name, ageSeconds, policy, code, hint) => {
    const request = signed(NOW_SECONDS - ageSeconds);
    const { failure, isHandled } = await refusalOf(request, policy);
    expect(failure).toBeInstanceOf(SignatureError);
    expect(failure).toMatchObject({ code, status: 400, hint: expect.stringContaining(hint) });
    expect(isHandled).toBe(false);
    expect(request.body?.readableDidRead).toBe(false);
  });

  it.each([
    ['the first millisecond of the last second of the tolerance', 0],
    ['the last millisecond of the last second of the tolerance', 999],
  ])('is counted in whole seconds: %s is in time', async (_name, milliseconds) => {
    const now = () => NOW_SECONDS * 1000 + milliseconds;
    const { signatureAgeSeconds } = await withSignature({ ...endpoint, now }, signed(NOW_SECONDS - 1800), readOff);
    expect(signatureAgeSeconds).toBe(1800);
  });
});

describe('a request is refused before its body is touched', () => {
  it.each([
    ['without a signature', {}, 'signature_missing', 401],
    ['with a malformed signature', { 'elevenlabs-signature': 't=abc,v0=00' }, 'signature_malformed', 401],
  ])('%s', async (_name, headers, code, status) => {
    const { failure, isHandled } = await refusalOf(requestOf(headers));
    expect(failure).toMatchObject({ code, status });
    expect(isHandled).toBe(false);
  });

  it('when Content-Length is over the limit', async () => {
    const { failure, isHandled } = await refusalOf(signed(NOW_SECONDS, { 'content-length': '1001' }));
    expect(failure).toBeInstanceOf(BodyError);
    expect(failure).toMatchObject({ code: 'body_too_large', status: 413 });
    expect(isHandled).toBe(false);
  });

  it('for its header first: a stale request over the limit is stale', async () => {
    const { failure } = await refusalOf(signed(NOW_SECONDS - 1801, { 'content-length': '1001' }));
    expect(failure).toMatchObject({ code: 'timestamp_too_old' });
  });
});

describe('a request is not refused for its Content-Length', () => {
  it.each([
    ['when it is exactly the limit', '1000'],
    ['when it is not a number', 'many'],
  ])('%s', async (_name, length) => {
    const { text } = await withSignature(endpoint, signed(NOW_SECONDS, { 'content-length': length }), readOff);
    expect(text).toBe(BODY);
  });
});

it.each([
  ['as announced', { 'content-length': '22' }, 22],
  ['as nothing when it is not announced', {}, 0],
])('the length of the body is handed on %s', async (_name, headers, expected) => {
  const handled = withSignature(endpoint, signed(NOW_SECONDS, headers), async ({ body }) => body.expectedBytes);
  expect(await handled).toBe(expected);
});

describe('while the body flows', () => {
  it('one that grows over the limit is refused with 413, whatever Content-Length said', async () => {
    const request = signed(NOW_SECONDS, { 'content-length': '1' });
    const { failure, isHandled } = await refusalOf(request, { bodyLimitBytes: BODY.length - 1 });
    expect(failure).toMatchObject({ code: 'body_too_large', status: 413 });
    expect(isHandled).toBe(true);
  });

  it('a forged one is refused with 401 at its end', async () => {
    const request = requestOf({ 'elevenlabs-signature': sign('wsec_unknown', NOW_SECONDS, BODY) });
    const { failure } = await refusalOf(request);
    expect(failure).toMatchObject({ code: 'signature_mismatch', status: 401 });
  });

  it('one that does not come within the deadline is refused with 408', async () => {
    const request = requestOf({ 'elevenlabs-signature': sign(SECRET, NOW_SECONDS, BODY) }, stalledAfter('{'));
    const { failure } = await refusalOf(request, { bodyDeadlineSeconds: 0.005 });
    expect(failure).toMatchObject({ code: 'body_too_slow', status: 408 });
  });

  it('no deadline is left behind by those that are done', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    for (let times = 0; times < 20; times++) await withSignature(endpoint, signed(NOW_SECONDS), readOff);
    expect(timers()).toBeLessThan(before + 10);
  });

  it('one that takes a while is waited for', async () => {
    const slow = Readable.from(
      (async function* () {
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield Buffer.from(BODY);
      })(),
    );
    const request = requestOf({ 'elevenlabs-signature': sign(SECRET, NOW_SECONDS, BODY) }, slow);
    const { text } = await withSignature(endpoint, request, readOff);
    expect(text).toBe(BODY);
  });
});

describe('a refusal says one sentence to the caller, and to the operator what was found', () => {
  const signature = sign(SECRET, NOW_SECONDS, BODY);
  const of = (text: string, body = bodyOf(BODY)) => requestOf({ 'elevenlabs-signature': text }, body);

  it.each<[string, () => ReturnType<typeof requestOf>, string, RegExp | undefined]>([
    ['signature_missing', () => requestOf({}), 'The request carries no signature.', undefined],
    ['signature_malformed', () => of('t=5'), 'The signature header is malformed.', /malformed: it has no v0\.$/],
    ['timestamp_too_old', () => signed(NOW_SECONDS - 1801), 'The signature is too old.', /is 1801 s old .* is 1800\.$/],
    [
      'timestamp_in_future',
      () => signed(NOW_SECONDS + 301),
      'The signature is from the future.',
      /is 301 s ahead .* is 300\.$/,
    ],
    [
      'signature_mismatch',
      () => of(sign('wsec_unknown', NOW_SECONDS, BODY)),
      'The signature does not match the body.',
      /under any secret that is set for this endpoint\.$/,
    ],
    [
      'body_too_large',
      () => signed(NOW_SECONDS, { 'content-length': '1001' }),
      'The body is larger than this endpoint accepts.',
      /^The body is over 1000 bytes and was not kept\.$/,
    ],
    ['body_too_slow', () => of(signature, stalledAfter('{')), 'The body took too long to arrive.', /a slow sender, or/],
    [
      'body_cut_off',
      () => of(signature, brokenAfter('{')),
      'The body ended before it was complete.',
      /Nothing was kept\.$/,
    ],
  ])('%s', async (code, request, message, hint) => {
    const { failure } = await refusalOf(request(), code === 'body_too_slow' ? { bodyDeadlineSeconds: 0.005 } : {});
    expect(failure).toMatchObject({ code, message, hint: hint && expect.stringMatching(hint) });
  });
});
