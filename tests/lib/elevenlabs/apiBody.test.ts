import { describe, expect, it } from 'vitest';
import { type RecordingAnswer, RecordingBody } from '../../../src/lib/elevenlabs/apiBody.ts';
import { ElevenLabsError } from '../../../src/lib/elevenlabs/errors.ts';

const ID3 = Buffer.concat([Buffer.from('ID3'), Buffer.alloc(20)]);
const FRAMES = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(20)]);

async function* inPieces(bytes: Uint8Array, size: number, error?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  if (error !== undefined) throw error;
}

function recording(body: AsyncIterable<Uint8Array>, more: Partial<RecordingAnswer> = {}): RecordingBody {
  const lost = (cause: unknown) =>
    new ElevenLabsError({ reason: 'upstream_unavailable', operation: 'GET', retryable: true, what: 'was lost', cause });
  return new RecordingBody({
    operation: 'GET',
    contentType: 'audio/mpeg',
    announcedBytes: undefined,
    body,
    lost,
    ...more,
  });
}

async function read(body: RecordingBody): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of body) pieces.push(bytes);
  return Buffer.concat(pieces);
}

describe('a recording of the API', () => {
  it.each([
    ['with an ID3 tag', ID3],
    ['that begins with a frame', FRAMES],
  ])('%s is whole at its end, whatever its pieces, and only then gives the proof', async (_name, bytes) => {
    for (const size of [1, 2, 1000]) {
      const body = recording(inPieces(bytes, size), { announcedBytes: bytes.length });
      expect(() => body.proof()).toThrow('not been read');
      expect(await read(body)).toEqual(bytes);
      expect(body.proof()).toEqual({ source: 'api' });
    }
  });

  it('may come without a length', async () => {
    const body = recording(inPieces(ID3, 5));
    await read(body);
    expect(body.proof().source).toBe('api');
  });

  it.each<[string, Uint8Array, Partial<RecordingAnswer>]>([
    ['is shorter than announced', ID3, { announcedBytes: ID3.length + 1 }],
    ['is longer than announced', ID3, { announcedBytes: ID3.length - 1 }],
    ['is empty', Buffer.alloc(0), { announcedBytes: 0 }],
    ['is shorter than a beginning', Buffer.from('ID'), {}],
    ['is a page', Buffer.from('<!doctype html>'), {}],
    ['is a page by its type', ID3, { contentType: 'text/html; charset=utf-8' }],
    ['is JSON by its type', ID3, { contentType: 'application/json' }],
    ['is a WAV file', Buffer.from('RIFF....WAVEfmt '), {}],
    ['begins with a frame of a layer that does not exist', Buffer.from([0xff, 0xe1, 0x90]), {}],
    ['begins with a frame of a bit rate that does not exist', Buffer.from([0xff, 0xfb, 0xf0]), {}],
  ])('is none when it %s', async (_name, bytes, more) => {
    const body = recording(inPieces(bytes, 7), more);
    await expect(read(body)).rejects.toMatchObject({ reason: 'unexpected_answer' });
    expect(() => body.proof()).toThrow('not been read');
  });

  it('whose connection breaks is none, and may be asked for again', async () => {
    const body = recording(inPieces(ID3, 7, new Error('other side closed')), { announcedBytes: 1000 });
    await expect(read(body)).rejects.toMatchObject({ reason: 'upstream_unavailable', retryable: true });
    expect(() => body.proof()).toThrow('not been read');
  });

  it('that nobody reads on ends its connection', async () => {
    let isEnded = false;
    async function* endless() {
      try {
        for (;;) yield ID3;
      } finally {
        isEnded = true;
      }
    }
    for await (const _bytes of recording(endless())) break;
    expect(isEnded).toBe(true);
  });
});
