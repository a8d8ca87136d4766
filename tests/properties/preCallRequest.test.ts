import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PayloadError } from '../../src/lib/preCall/errors.ts';
import { METADATA, read } from '../lib/preCall/read.ts';
import { holds } from './holds.ts';

it('JSON with any bytes for a sample gives them back', async () => {
  await holds(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 999 }), async (bytes, piece) => {
      const json = { ...METADATA, voice_sample: { format: 'base64', data: Buffer.from(bytes).toString('base64') } };
      const request = await read(Buffer.from(JSON.stringify(json)), 'application/json', { pieceBytes: piece });
      expect(request.sample).toEqual(Buffer.from(bytes));
    }),
    200,
  );
});

const BOUNDARY = 'b-o_u';

const bytesWithBoundaries = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('\r\n', '\r', '\n', '--', `\r\n--${BOUNDARY.slice(0, 4)}`, `--${BOUNDARY}`, '\r\n\r\n', '\r\n-')
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => Buffer.concat(pieces))
  // Node takes these bytes for a boundary wherever they stand; ours are only boundaries at the start of a line.
  .filter((bytes) => !bytes.includes(`--${BOUNDARY}`));

const fileName = fc.string({ unit: fc.constantFrom(...'abcÄ漢. _-()'), minLength: 1, maxLength: 20 });
const type = fc.constantFrom('application/octet-stream', 'audio/wav', 'audio/mpeg', 'audio/ogg; codecs=opus');
const samplePart = fc
  .record({ bytes: bytesWithBoundaries, fileName, type })
  .map(({ bytes, fileName: name, type: kind }) => [
    `Content-Disposition: form-data; name="voice_sample"; filename="${name}"\r\nContent-Type: ${kind}`,
    bytes,
  ]);
const metadataPart = fc
  .tuple(fc.string({ unit: 'grapheme' }), fc.boolean(), fc.integer({ min: 0, max: 1 }))
  .map(([name, isTyped, indent]) => [
    `Content-Disposition: form-data; name="metadata"${isTyped ? '\r\nContent-Type: application/json' : ''}`,
    Buffer.from(JSON.stringify({ ...METADATA, caller_metadata: { name } }, undefined, indent)),
  ]);
const otherPart = fc.constantFrom(
  ['Content-Disposition: form-data; name="note"', Buffer.from('left alone')],
  ['content-disposition: form-data; name="empty"', Buffer.alloc(0)],
);
const body = fc
  .tuple(samplePart, metadataPart, fc.array(otherPart, { maxLength: 2 }))
  .chain(([sample, metadata, others]) =>
    fc.shuffledSubarray([sample, metadata, ...others], { minLength: 2 + others.length }),
  )
  .map((parts) =>
    Buffer.concat(
      [
        ...parts.flatMap(([head, bytes]) => [`--${BOUNDARY}\r\n${String(head)}\r\n\r\n`, bytes ?? '', '\r\n']),
        `--${BOUNDARY}--\r\n`,
      ].map((piece) => Buffer.from(piece as Buffer)),
    ),
  );

it('multipart gives the metadata and the sample that Node’s own parser finds, whatever the order and the pieces', async () => {
  const contentType = `multipart/form-data; boundary=${BOUNDARY}`;
  await holds(
    fc.asyncProperty(body, fc.integer({ min: 1, max: 500 }), async (bytes, pieceBytes) => {
      const other = await new Response(new Uint8Array(bytes), {
        headers: { 'content-type': contentType },
      }).formData();
      const { caller_metadata } = JSON.parse(String(other.get('metadata')));
      const sample = Buffer.from(await (other.get('voice_sample') as Blob).arrayBuffer());
      const ours = await read(bytes, contentType, { pieceBytes });
      expect(ours.sample.equals(sample)).toBe(true);
      expect(ours.caller.name ?? '').toBe(caller_metadata.name);
      expect([ours.conversationId, ours.agentId]).toEqual(['conv_1', 'agent_1']);
    }),
    600,
  );
});

it('multipart of any bytes is refused, and never hangs', async () => {
  await holds(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const framed = Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n`), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
      for (const body of [bytes, framed]) {
        const reading = read(body, `multipart/form-data; boundary=${BOUNDARY}`);
        await expect(reading).rejects.toBeInstanceOf(PayloadError);
      }
    }),
    200,
  );
});
