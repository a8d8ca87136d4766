import { RestError } from '@azure/storage-blob';
import { expect, it } from 'vitest';
import type { Quarantined } from '../../../src/lib/calls/listQuarantine.ts';
import { QuarantinedBody } from '../../../src/lib/calls/quarantinedBody.ts';
import { sha256Of } from '../../../src/lib/postCall/places.ts';
import type { Attempts } from '../../../src/lib/storage/blobStorage.ts';

type Parts = Partial<Record<'body' | 'around' | 'audio' | 'undecoded', string>>;

const sumOf = (text: string) => sha256Of(Buffer.from(text, 'latin1'));

/** These parts as they were listed, and storage that has them, in small pieces, as it is when they are read. */
function quarantined(parts: Parts, changed: { stored?: Parts; hash?: string; lost?: keyof Parts } = {}) {
  const { around = '', audio = '', undecoded } = parts;
  const hash = changed.hash ?? sha256Of(around, sumOf(audio), undecoded === undefined ? '' : sumOf(undecoded));
  const blobs = Object.fromEntries(
    Object.entries(parts).map(([part, text]) => [part, { name: part, sha256: sumOf(text) }]),
  );
  const stored: Record<string, string | undefined> = { ...parts, ...changed.stored };
  const download = async (name: string) => {
    const text = stored[name];
    if (text === undefined || name === changed.lost) throw new RestError('', { statusCode: 404, code: 'BlobNotFound' });
    const bytes = Buffer.from(text, 'latin1');
    const size = Math.max(7, Math.ceil(bytes.length / 8));
    const readableStreamBody = (async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })();
    return { readableStreamBody, metadata: { sha256: sumOf(text) } };
  };
  const container = { getBlobClient: (name: string) => ({ download: () => download(name) }) };
  const storage = {
    attempt: async (_name: string, operation: (client: unknown) => unknown) => operation(container),
  } as unknown as Attempts; // all that is asked of it
  const about: Quarantined = { container: 'q', blobs, hash, storedAt: new Date(0), metadata: {} };
  return new QuarantinedBody(storage, about);
}

async function read(body: QuarantinedBody): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

const around = '{"type":"x","data":{"full_audio":"","more":1}}';

it.each([0, 1, 2, 3, 20, 21, 22])('audio of %i bytes is where it was, padded at its end alone', async (length) => {
  const audio = 'sound of the call, and more'.slice(0, length);
  const expected = around.replace('""', `"${Buffer.from(audio).toString('base64')}"`);
  expect(await read(quarantined({ around, audio }))).toBe(expected);
});

it('audio comes in pieces as it is read, and none waits for the last', async () => {
  const pieces: string[] = [];
  for await (const piece of quarantined({ around, audio: 'x'.repeat(800) })) pieces.push(Buffer.from(piece).toString());
  const sizes = pieces.map(({ length }) => length).filter((length) => length > 0);
  expect(sizes.length).toBeGreaterThan(8);
  expect(Math.max(...sizes)).toBeLessThan(200);
});

it('what could not be decoded follows what could', async () => {
  const parts = { around: '{"full_audio":"', audio: 'sounds', undecoded: '%\u00ff"}' };
  expect(await read(quarantined(parts))).toBe(`{"full_audio":"${Buffer.from('sounds').toString('base64')}%\u00ff"}`);
});

it.each<[string, QuarantinedBody, RegExp]>([
  ['without the JSON around it', quarantined({ audio: 'a' }), /missing: the JSON around its audio/],
  ['without its audio', quarantined({ around }), /missing: its audio/],
  [
    'without what could not be decoded',
    quarantined({ around, audio: 'a' }, { hash: 'x' }),
    /remainder\.bin\) is missing/,
  ],
  ['of parts of two bodies', quarantined({ around, audio: 'a', undecoded: 'b' }, { hash: 'x' }), /stored together\.$/],
  [
    'a part of which goes meanwhile',
    quarantined({ around, audio: 'a' }, { lost: 'audio' }),
    /missing: audio\. .* sweep/,
  ],
  [
    'a part of which is replaced',
    quarantined({ around, audio: 'a' }, { stored: { audio: 'b' } }),
    /audio was replaced/,
  ],
  ['that has no place for audio', quarantined({ around: '{}', audio: 'a' }), /no string is empty/],
  [
    'that has two places for it',
    quarantined({ around: '{"full_audio":"","data":{"full_audio":""}}', audio: 'a' }),
    /more than one is empty/,
  ],
  [
    'whose JSON is larger than any that is stored',
    quarantined({ around: ' '.repeat(16 * 1024 * 1024 + 1), audio: 'a' }),
    /larger than the app stores it/,
  ],
])('a body %s is refused', async (_name, body, message) => {
  await expect(read(body)).rejects.toThrow(message);
  expect(() => body.proof()).toThrow('has not been read to its end');
});

it('its proof is there when all of it has been read', async () => {
  const body = quarantined({ around, audio: 'sound' });
  const pieces = body[Symbol.asyncIterator]();
  await pieces.next();
  expect(() => body.proof()).toThrow('has not been read to its end');
  await pieces.return();
  const whole = quarantined({ body: 'text' });
  expect(await read(whole)).toBe('text');
  expect(whole.proof()).toMatchObject({ source: 'replay' });
});
