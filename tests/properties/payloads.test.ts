import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WebhookError } from '../../src/lib/errors.ts';
import { decodeBase64 } from '../../src/lib/json/base64.ts';
import { SHORT_AUDIO_BYTES } from '../../src/lib/json/envelope.ts';
import { cutAt, noise } from '../lib/json/pieces.ts';
import { type Split, split } from '../lib/json/split.ts';
import { read } from '../lib/preCall/read.ts';
import { holds } from './holds.ts';
import { mutated } from './mutations.ts';
import { share } from './share.ts';
import { expectVerdict } from './verdict.ts';

const folder = `${import.meta.dirname}/../../examples/`;
const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => readFileSync(folder + name));
const audioExample = readFileSync(`${folder}post_call_audio.json`).toString();

/** The example with audio that is long enough to be lifted. */
const longAudio = Buffer.from(
  audioExample.replace(/(?<="full_audio": ?")[^"]*/, () =>
    noise((SHORT_AUDIO_BYTES / 4) * 3 + 30_001).toString('base64'),
  ),
);

const shares = fc.array(share, { maxLength: 8 });
const inPieces = (bytes: Buffer, places: readonly number[]) =>
  cutAt(bytes, ...places.map((place) => Math.floor(place * bytes.length)));

/** What is meant by base64 in a JSON string, decoded. */
function decoded(text: string): string {
  const plain = (JSON.parse(`"${text}"`) as string).replaceAll('-', '+').replaceAll('_', '/');
  return decodeBase64(plain)?.toString('latin1') ?? 'no base64';
}

/** The parts are the whole body: the text that was decoded is exactly what is missing between them. */
function expectNothingLost(body: Buffer, { kind, envelope, audio, undecoded = '' }: Split): void {
  const text = body.toString('latin1');
  if (kind === 'whole') {
    expect(envelope === text).toBe(true);
    return;
  }
  let start = envelope.length;
  if (kind === 'lifted') for (start = 0; envelope[start] === text[start]; ) start++; // a quote where the audio begins
  const end = text.length - undecoded.length - (envelope.length - start);
  expect(text.startsWith(envelope.slice(0, start))).toBe(true);
  expect(text.endsWith(envelope.slice(start) + undecoded)).toBe(true);
  expect(decoded(text.slice(start, end)) === audio?.toString('latin1')).toBe(true);
}

it('real payloads, changed in any way and in any pieces: nothing is lost, and all pieces give the same', async () => {
  const property = fc.asyncProperty(mutated([...examples, longAudio, longAudio]), shares, async (body, places) => {
    const inOne = await split([body]);
    const inMany = await split(inPieces(body, places), 9_999);
    expectNothingLost(body, inOne);
    expect(inMany.kind).toBe(inOne.kind);
    expect(inMany.envelope === inOne.envelope).toBe(true);
    expect(inMany.undecoded === inOne.undecoded).toBe(true);
    expect((inMany.audio ?? Buffer.alloc(0)).equals(inOne.audio ?? Buffer.alloc(0))).toBe(true);
  });
  await holds(property, 1000);
});

it('real payloads, changed in any way, are given a verdict, and a place in their folder', async () => {
  await holds(fc.property(mutated(examples), expectVerdict), 2000);
});

const METADATA = readFileSync(`${folder}pre_call.json`).toString();
const SAMPLE = noise(300);
const jsonRequest = Buffer.from(
  JSON.stringify({ ...JSON.parse(METADATA), voice_sample: { format: 'base64', data: SAMPLE.toString('base64') } }),
);
const BOUNDARY = '----boundary';
const part = (head: string, body: Uint8Array | string) =>
  [`--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`, body, '\r\n'].map((each) => Buffer.from(each));
const form = Buffer.concat([
  ...part('name="metadata"', METADATA),
  ...part('name="voice_sample"; filename="sample.wav"\r\nContent-Type: audio/wav', SAMPLE),
  Buffer.from(`--${BOUNDARY}--\r\n`),
]);

/** The same request, read by other means. */
function asParsed(body: Buffer) {
  const { conversation_id, agent_id, voice_sample } = JSON.parse(body.toString());
  const sample = Buffer.from(voice_sample.data, 'base64');
  return expect.objectContaining({ conversationId: conversation_id, agentId: agent_id, sample });
}

const asWritten = () =>
  expect.objectContaining({ conversationId: expect.stringMatching(/^[A-Za-z0-9_-]+$/), sample: expect.any(Buffer) });

it.each([
  ['JSON', 'application/json', jsonRequest, asParsed],
  ['multipart', `multipart/form-data; boundary=${BOUNDARY}`, form, asWritten],
])(
  'a pre-call request as %s, changed in any way, is read or refused',
  async (_form, contentType, request, expected) => {
    const property = fc.asyncProperty(
      mutated([request]),
      fc.integer({ min: 1, max: 700 }),
      async (body, pieceBytes) => {
        const result: unknown = await read(body, contentType, { pieceBytes }).catch((error: unknown) => error);
        if (result instanceof WebhookError) expect(result.status).toBe(400);
        else expect(result).toEqual(expected(body));
      },
    );
    await holds(property, 800);
  },
);
