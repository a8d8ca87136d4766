import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyMemory } from '../../../src/lib/bodyMemory.ts';
import { PayloadError } from '../../../src/lib/preCall/errors.ts';
import { type PreCallRequest, readRequest } from '../../../src/lib/preCall/request.ts';
import { withSignature } from '../../../src/lib/signature/withSignature.ts';

const SECRET = 'wsec_test';
const NOW_MS = 1_739_537_297_000;
const ENDPOINT = {
  secrets: [SECRET],
  toleranceSeconds: 1800,
  futureSkewSeconds: 300,
  bodyLimitBytes: 15 * 1024 * 1024,
  bodyDeadlineSeconds: 20,
  now: () => NOW_MS,
};
const METADATA = { type: 'pre_call', conversation_id: 'conv_1', agent_id: 'agent_1' };

/** Reads a body as the endpoint does, from a stream of pieces of the size. */
function read(
  body: Uint8Array,
  contentType: string,
  { pieceBytes = 1000, memory }: { pieceBytes?: number; memory?: BodyMemory } = {},
): Promise<PreCallRequest> {
  const t = NOW_MS / 1000;
  const v0 = createHmac('sha256', SECRET).update(`${t}.`).update(body).digest('hex');
  const headers = new Headers({ 'elevenlabs-signature': `t=${t},v0=${v0}`, 'content-type': contentType });
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= body.length) return controller.close();
      controller.enqueue(body.subarray(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
  const request = { headers, body: stream } as unknown as Parameters<typeof withSignature>[1]; // Node's own types of both
  return withSignature(ENDPOINT, request, (delivery) => readRequest(delivery.body, contentType, memory));
}

const readJson = (json: unknown) => read(Buffer.from(JSON.stringify(json)), 'application/json');

async function reasonOf(reading: Promise<PreCallRequest>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PayloadError) return error.code;
  throw new Error(`Expected a PayloadError, got ${String(error)}`);
}

describe('JSON', () => {
  const sample = { format: 'base64', data: 'QUJD' };

  test('has everything in one object', async () => {
    const caller_metadata = { name: 'Ivan', date_of_birth: '11.12.2007', phone_number: '+31612345678' };
    const json = {
      ...METADATA,
      caller_metadata,
      voice_sample: { ...sample, duration_seconds: 5.2, sample_rate: 44_100 },
    };
    expect(await readJson(json)).toEqual({
      conversationId: 'conv_1',
      agentId: 'agent_1',
      caller: { name: 'Ivan', dateOfBirth: '11.12.2007', phoneNumber: '+31612345678' },
      claimedSeconds: 5.2,
      sample: Buffer.from('ABC'),
    });
  });

  test.each<[string, object]>([
    ['no caller', {}],
    ['null', { caller_metadata: null }],
    ['a text', { caller_metadata: 'Ivan' }],
    ['numbers and nulls', { caller_metadata: { name: 5, date_of_birth: null, phone_number: '' } }],
    ['more than a value may be long', { caller_metadata: { name: 'x'.repeat(1001) } }],
  ])('with %s for a caller is a call of nobody in particular', async (_name, more) => {
    expect((await readJson({ ...METADATA, ...more, voice_sample: sample })).caller).toEqual({});
  });

  test.each([null, 'long', -1, 1e300])('with a duration of %j is read all the same', async (duration_seconds) => {
    const request = await readJson({ ...METADATA, voice_sample: { ...sample, duration_seconds } });
    expect(request.sample).toEqual(Buffer.from('ABC'));
  });

  test('with any bytes for a sample gives them back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 999 }), async (bytes, piece) => {
        const json = { ...METADATA, voice_sample: { ...sample, data: Buffer.from(bytes).toString('base64') } };
        const request = await read(Buffer.from(JSON.stringify(json)), 'application/json', { pieceBytes: piece });
        expect(request.sample).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 50 },
    );
  });

  test.each(['__proto__', 'constructor'])('may be about a conversation called %s', async (conversation_id) => {
    expect((await readJson({ ...METADATA, conversation_id, voice_sample: sample })).conversationId).toBe(
      conversation_id,
    );
  });
});

describe('multipart, compared with Node’s own parser', () => {
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

  test('finds the same metadata and the same sample, whatever the order and the pieces', async () => {
    const contentType = `multipart/form-data; boundary=${BOUNDARY}`;
    await fc.assert(
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
      { numRuns: 300 },
    );
  });

  test('knows a boundary only at the start of a line', async () => {
    const sample = `RIFF--${BOUNDARY}\r\n-- ${BOUNDARY}\r\n--${BOUNDARY.slice(0, -1)}`;
    const part = 'Content-Disposition: form-data; name=';
    const body = `--${BOUNDARY}\r\n${part}"metadata"\r\n\r\n${JSON.stringify(METADATA)}\r\n--${BOUNDARY}\r\n${part}"voice_sample"; filename="a"\r\n\r\n${sample}\r\n--${BOUNDARY}--`;
    const request = await read(Buffer.from(body), `multipart/form-data; boundary=${BOUNDARY}`, { pieceBytes: 1 });
    expect(request.sample.toString()).toBe(sample);
  });

  test('takes what Node writes', async () => {
    const form = new FormData();
    form.set('voice_sample', new Blob([new Uint8Array([0, 13, 10, 45, 45, 255])]), 'a "b".wav');
    form.set('metadata', JSON.stringify({ ...METADATA, caller_metadata: { name: 'Zoë\r\n' } }));
    const written = new Response(form);
    const bytes = new Uint8Array(await written.arrayBuffer());
    const request = await read(bytes, written.headers.get('content-type') ?? '', { pieceBytes: 3 });
    expect([...request.sample]).toEqual([0, 13, 10, 45, 45, 255]);
    expect(request.caller.name).toBe('Zoë\r\n');
  });

  test('cut off anywhere is refused, and never hangs', async () => {
    const form = new FormData();
    form.set('metadata', JSON.stringify(METADATA));
    form.set('voice_sample', new Blob([new Uint8Array(50)]), 'a.wav');
    const written = new Response(form);
    const contentType = written.headers.get('content-type') ?? '';
    const whole = new Uint8Array(await written.arrayBuffer());
    const end = Buffer.from(whole).lastIndexOf('--');
    for (let length = 0; length < end; length++) {
      const reason = await reasonOf(read(whole.subarray(0, length), contentType));
      expect(['broken_multipart', 'missing_metadata', 'missing_sample', 'not_json'], String(length)).toContain(reason);
    }
  });

  test('of any bytes is refused, and never hangs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const framed = Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n`), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
        for (const body of [bytes, framed]) {
          expect(await reasonOf(read(body, `multipart/form-data; boundary=${BOUNDARY}`))).toMatch(/^(broken|missing)_/);
        }
      }),
    );
  });
});

describe('the form', () => {
  const json = Buffer.from(JSON.stringify({ ...METADATA, voice_sample: { format: 'base64', data: 'QUJD' } }));

  test.each(['application/json', 'application/json;charset=utf-8', 'APPLICATION/JSON ; charset=utf-8'])(
    '%s is JSON',
    async (contentType) => {
      expect((await read(json, contentType)).conversationId).toBe('conv_1');
    },
  );

  test('Multipart/Form-Data is multipart', async () => {
    expect(await reasonOf(read(json, 'Multipart/Form-Data; boundary=x'))).toBe('broken_multipart');
  });

  test.each(['', 'text/json', 'application/jsonp', 'application/x-json', 'multipart/mixed', 'json'])(
    '%j is none',
    async (contentType) => {
      await expect(read(json, contentType)).rejects.toMatchObject({ status: 415, code: 'unsupported_media_type' });
    },
  );
});

describe('the memory that all bodies share', () => {
  const body = Buffer.from(
    JSON.stringify({ ...METADATA, voice_sample: { format: 'base64', data: 'QUJD'.repeat(1000) } }),
  );

  test('is given back, whatever comes of the body', async () => {
    const memory = new BodyMemory(1_000_000);
    await read(body, 'application/json', { memory });
    await expect(read(Buffer.from('no JSON'), 'application/json', { memory })).rejects.toThrow(PayloadError);
    expect(memory.heldBytes).toBe(0);
  });

  test('is not there for a body that holds most of it', async () => {
    const memory = new BodyMemory(2_000);
    const reading = read(body, 'application/json', { memory });
    await expect(reading).rejects.toMatchObject({ status: 503, code: 'overloaded' });
    expect(memory.heldBytes).toBe(0);
  });
});
