import { getEventListeners, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { BodyError, SignatureError } from '../../../src/lib/errors.ts';
import { parseSignatureHeader } from '../../../src/lib/signature/header.ts';
import {
  bodyTooLarge,
  type Genuine,
  SignedBody,
  type SignedBodyOptions,
} from '../../../src/lib/signature/signedBody.ts';
import { Verifier } from '../../../src/lib/signature/verifier.ts';
import { bodyOf, brokenAfter, stalledAfter } from '../../support/bodies.ts';
import { sign } from './sign.ts';

const SECRETS = ['wsec_newest', 'wsec_oldest'];
const SIGNED_AT = 1_700_000_000;
const BODY = 'a body of several words';

function signedBody(options: Partial<SignedBodyOptions> & { signature?: string } = {}): SignedBody {
  const { signature = sign('wsec_oldest', SIGNED_AT, BODY), ...more } = options;
  return new SignedBody({
    stream: bodyOf(BODY),
    verifier: new Verifier(parseSignatureHeader(signature), SECRETS),
    signedAtSeconds: SIGNED_AT,
    limitBytes: 1000,
    expectedBytes: 0,
    deadline: new AbortController().signal,
    ...more,
  });
}

async function readOff(body: SignedBody): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of body) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

describe('a genuine body', () => {
  it('ends normally, and then gives a proof of what was signed, by which secret, and how long it was', async () => {
    const body = signedBody();
    expect(await readOff(body)).toBe(BODY);
    expect(body.proof()).toEqual({
      source: 'webhook',
      signedAtSeconds: SIGNED_AT,
      secretPosition: 2,
      bodyBytes: BODY.length,
    });
  });

  it('is handed on piece by piece while it arrives', async () => {
    const body = signedBody({ stream: bodyOf('a body ', 'of several', ' words') });
    const seen: [string, number][] = [];
    for await (const bytes of body) seen.push([Buffer.from(bytes).toString(), body.receivedBytes]);
    expect(seen).toEqual([
      ['a body ', 7],
      ['of several', 17],
      [' words', 23],
    ]);
    expect(body.proof().bodyBytes).toBe(23);
  });

  it('is verified as it came, whatever the reader does to a piece', async () => {
    const body = signedBody({ stream: bodyOf('a body ', 'of several', ' words') });
    for await (const bytes of body) bytes.fill(0);
    expect(body.proof().secretPosition).toBe(2);
  });

  it.each([
    ['without a stream', null],
    ['with an empty stream', bodyOf()],
  ])('may be empty, %s', async (_name, stream) => {
    const body = signedBody({ stream, signature: sign('wsec_newest', SIGNED_AT, '') });
    expect(await readOff(body)).toBe('');
    expect(body.proof()).toMatchObject({ secretPosition: 1, bodyBytes: 0 });
  });

  it('may be exactly as long as the limit', async () => {
    const body = signedBody({ limitBytes: BODY.length });
    expect(await readOff(body)).toBe(BODY);
  });
});

describe('a proof', () => {
  it('cannot be had before the body is read', () => {
    expect(() => signedBody().proof()).toThrow('has not been read to its genuine end');
  });

  it('cannot be had while the body is being read, not even after its last byte', async () => {
    const body = signedBody();
    for await (const _bytes of body) expect(() => body.proof()).toThrow('genuine end');
    expect(body.proof().secretPosition).toBe(2);
  });

  it('cannot be had when the reader leaves early', async () => {
    const body = signedBody({ stream: bodyOf('a body ', 'of several words') });
    for await (const _bytes of body) break;
    expect(() => body.proof()).toThrow('genuine end');
  });

  it('cannot be written by hand', () => {
    // @ts-expect-error: only a SignedBody can make the mark that a Genuine carries
    const forged: Genuine = { signedAtSeconds: SIGNED_AT, secretPosition: 1, bodyBytes: 0 };
    expect(forged).toBeDefined();
  });
});

describe('a forged body', () => {
  it.each([
    ['of other bytes', 'a body of other words..', sign('wsec_oldest', SIGNED_AT, BODY)],
    ['that is shorter', BODY.slice(0, -1), sign('wsec_oldest', SIGNED_AT, BODY)],
    ['that is longer', `${BODY} `, sign('wsec_oldest', SIGNED_AT, BODY)],
    ['that is empty', '', sign('wsec_oldest', SIGNED_AT, BODY)],
    ['signed with an unknown secret', BODY, sign('wsec_unknown', SIGNED_AT, BODY)],
    ['signed for another time', BODY, sign('wsec_oldest', SIGNED_AT, BODY).replace('t=17', 't=16')],
  ])('%s makes the iteration throw 401 after its last byte and never gives a proof', async (_name, sent, signature) => {
    const body = signedBody({ stream: bodyOf(sent), signature });
    const failure = await readOff(body).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SignatureError);
    expect(failure).toMatchObject({ code: 'signature_mismatch', status: 401 });
    expect(body.receivedBytes).toBe(Buffer.byteLength(sent));
    expect(() => body.proof()).toThrow('genuine end');
  });

  it('gives no proof when it is read a second time either', async () => {
    const body = signedBody({ signature: sign('wsec_unknown', SIGNED_AT, BODY) });
    await expect(readOff(body)).rejects.toThrow(SignatureError);
    expect(() => body.proof()).toThrow('genuine end');
  });
});

describe('a body over the limit', () => {
  it.each([
    ['in one piece', [BODY]],
    ['by the last byte of many', [...BODY]],
  ])('is refused with 413 while it flows, %s, even when it is genuine', async (_name, pieces) => {
    const body = signedBody({ stream: bodyOf(...pieces), limitBytes: BODY.length - 1 });
    const failure = await readOff(body).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BodyError);
    expect(failure).toMatchObject({ code: 'body_too_large', status: 413 });
    expect(() => body.proof()).toThrow('genuine end');
  });

  it('is not handed on from the piece on that crosses the limit, and the stream is left for others to read off', async () => {
    const stream = stalledAfter('12345', '67890');
    const body = signedBody({ stream, limitBytes: 9 });
    const seen: string[] = [];
    await expect(async () => {
      for await (const bytes of body) seen.push(Buffer.from(bytes).toString());
    }).rejects.toMatchObject({ status: 413 });
    expect(seen).toEqual(['12345']);
    expect(stream.destroyed).toBe(false);
    expect(stream.eventNames()).not.toContain('readable');
  });

  it('tells the operator the limit', () => {
    expect(bodyTooLarge(42).hint).toMatch(/over 42 bytes/);
  });
});

describe('a body that comes too slowly', () => {
  it('ends with 408 when the deadline fires while a read is pending', async () => {
    const deadline = new AbortController();
    const stream = stalledAfter('a body ');
    const body = signedBody({ stream, deadline: deadline.signal });
    expect(body.deadline).toBe(deadline.signal);
    const iterator = body[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    deadline.abort();
    const failure = await pending.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BodyError);
    expect(failure).toMatchObject({ code: 'body_too_slow', status: 408 });
    expect(() => body.proof()).toThrow('genuine end');
    expect(stream.destroyed).toBe(false);
    expect(stream.eventNames()).not.toContain('readable');
  });

  it('ends with 408 when the deadline fires while the reader is busy with a piece', async () => {
    const deadline = new AbortController();
    const body = signedBody({ stream: bodyOf('a body ', 'of several words'), deadline: deadline.signal });
    await expect(async () => {
      for await (const _bytes of body) deadline.abort();
    }).rejects.toMatchObject({ code: 'body_too_slow', status: 408 });
    expect(body.receivedBytes).toBe(7);
  });

  it('ends with 408 when the deadline fired before the reading began', async () => {
    const body = signedBody({ deadline: AbortSignal.abort() });
    await expect(readOff(body)).rejects.toMatchObject({ code: 'body_too_slow', status: 408 });
  });

  it('does not come back when the deadline fires after the end', async () => {
    const deadline = new AbortController();
    const body = signedBody({ deadline: deadline.signal });
    await readOff(body);
    deadline.abort();
    expect(body.proof().secretPosition).toBe(2);
  });
});

describe('a body whose sender goes away', () => {
  it('ends with 400 and the cause, and never gives a proof, even when every byte had come', async () => {
    const body = signedBody({ stream: brokenAfter('a body ', 'of several words') });
    const failure = await readOff(body).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BodyError);
    expect(failure).toMatchObject({ code: 'body_cut_off', status: 400, cause: { message: 'aborted' } });
    expect(body.receivedBytes).toBe(BODY.length);
    expect(() => body.proof()).toThrow('genuine end');
  });

  it('says so at once to whoever does not read on, with the error that reading would end with', async () => {
    const stream = stalledAfter('a body ').on('error', () => {});
    const body = signedBody({ stream });
    const cutOff = body.cutOff();
    expect(cutOff.aborted).toBe(false);
    stream.destroy(new Error('aborted'));
    await once(cutOff, 'abort');
    expect(cutOff.reason).toMatchObject({ code: 'body_cut_off', status: 400, cause: { message: 'aborted' } });
    expect(body.cutOff().reason).toMatchObject({ code: 'body_cut_off' });
  });

  it('says nothing when the body was whole before, or when there is none', async () => {
    const stream = bodyOf(BODY);
    const body = signedBody({ stream });
    const cutOff = body.cutOff();
    const closed = once(stream, 'close');
    expect(await readOff(body)).toBe(BODY);
    stream.destroy();
    await closed;
    expect([cutOff.aborted, body.cutOff().aborted]).toEqual([false, false]);
    expect(signedBody({ stream: null }).cutOff().aborted).toBe(false);
  });
});

it('nothing listens to the deadline any more once a body has ended, well or badly', async () => {
  const { signal: deadline } = new AbortController();
  for (const stream of [bodyOf(BODY), brokenAfter('a body ')]) {
    const body = signedBody({ stream, deadline });
    const reading = body[Symbol.asyncIterator]();
    await reading.next();
    expect(getEventListeners(deadline, 'abort')).toHaveLength(1);
    while (!(await reading.next().catch(() => ({ done: true }))).done);
    expect(getEventListeners(deadline, 'abort')).toHaveLength(0);
  }
});
