import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { audioBody } from '../../tools/cli/send/audioBody.ts';
import { bodyOf, tampered } from '../../tools/cli/send/body.ts';
import { sign } from '../../tools/cli/send/sign.ts';

const mp3 = readFileSync(new URL('../../examples/call.mp3', import.meta.url));
const join = (chunks: Iterable<Uint8Array>) => Buffer.concat([...chunks]);
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test.each([undefined, 500, 501, 502, 503, 20_000, 1_000_000])(
  'an audio event of %s bytes has that size and its MP3',
  (bodyBytes) => {
    const body = audioBody({ mp3, ...(bodyBytes === undefined ? {} : { bodyBytes }) });
    const bytes = join(body.chunks());
    const audio = Buffer.from(JSON.parse(bytes.toString()).data.full_audio, 'base64');
    expect([bytes.length, audio.length]).toEqual([bodyBytes ?? body.bytes, body.audioBytes]);
    expect(sha(audio)).toBe(sha(join(body.audio())));
    expect(sha(join(body.chunks()))).toBe(sha(bytes));
  },
);

test.each([1, 2, 3, 49_151, 49_153, 100_000])(
  'an MP3 of %d bytes is sent as it is, and repeated without seams',
  (length) => {
    const odd = Buffer.alloc(length, 'odd bytes');
    const whole = JSON.parse(join(audioBody({ mp3: odd }).chunks()).toString());
    expect(Buffer.from(whole.data.full_audio, 'base64').equals(odd)).toBe(true);
    const body = audioBody({ mp3: odd, bodyBytes: 1_000_000 });
    const repeated = Buffer.from(JSON.parse(join(body.chunks()).toString()).data.full_audio, 'base64');
    expect(repeated.equals(Buffer.alloc(body.audioBytes, odd))).toBe(true);
  },
);

test('keys can come in the order that is hardest for a receiver', () => {
  const text = join(audioBody({ mp3, keyOrder: 'audio-first', conversationId: 'conv_1' }).chunks()).toString();
  expect(text).toMatch(/^\{"data":\{"full_audio":"/);
  expect(JSON.parse(text)).toMatchObject({ type: 'post_call_audio', data: { conversation_id: 'conv_1' } });
});

test('a size without room for an event is refused', () => {
  expect(() => audioBody({ mp3, bodyBytes: 50 })).toThrow(RangeError);
});

test('signatures match the published vector, in one piece and in several', async () => {
  const body = '{"type":"post_call_transcription","event_timestamp":1739537297,"data":{}}';
  const expected = 't=1739537297,v0=d8a0fc2a9a570a47e6ccaf1aafe3739f64d26a9dfac82f7d1a617fade715152a';
  expect(await sign(body, 'wsec_test', 1739537297)).toBe(expected);
  expect(await sign([Buffer.from(body.slice(0, 9)), Buffer.from(body.slice(9))], 'wsec_test', '1739537297')).toBe(
    expected,
  );
});

test('a tampered body differs in one bit and has the same size', () => {
  const body = { bytes: 6, chunks: () => [Buffer.from('abc'), Buffer.from('def')] };
  expect(join(tampered(body).chunks()).toString()).toBe('abceef');
  expect(join(tampered(bodyOf(Buffer.from('a'))).chunks()).toString()).toBe('`');
});
