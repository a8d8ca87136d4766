import { describe, expect, test } from 'vitest';
import { BodyMemory } from '../../../../src/lib/http/bodyMemory.ts';
import { PayloadError } from '../../../../src/lib/preCall/errors.ts';
import type { PreCallRequest } from '../../../../src/lib/preCall/request/request.ts';
import { METADATA, read } from '../read.ts';

const readJson = (json: unknown) => read(Buffer.from(JSON.stringify(json)), 'application/json');

async function refusalOf(reading: Promise<PreCallRequest>): Promise<PayloadError> {
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PayloadError) return error;
  throw new Error(`Expected a PayloadError, got ${String(error)}`);
}

async function reasonOf(reading: Promise<PreCallRequest>): Promise<string> {
  return (await refusalOf(reading)).code;
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
      declaredSeconds: 5.2,
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

  test.each([10, 10_000])(
    'may have line breaks in the base64 of %d bytes, as most encoders write them',
    async (size) => {
      const bytes = Buffer.alloc(size, 'voice');
      for (const lineBreak of ['\r\n', '\n', '\r']) {
        const data = bytes.toString('base64').replace(/.{1,76}/g, `$&${lineBreak}`);
        expect((await readJson({ ...METADATA, voice_sample: { ...sample, data } })).sample.equals(bytes)).toBe(true);
      }
    },
  );

  test.each([1, 1000])('says what is wrong with the base64 of a sample (of %d times some bytes)', async (times) => {
    const base64 = 'QUJD'.repeat(times);
    const problems = ['data:audio/wav;base64,QUJD', 'QQ', 'Q*'].map(async (end) => {
      const data = end.startsWith('data') ? `${end}${base64}` : `${base64}${end}`;
      const { code, message, conversationId } = await refusalOf(
        readJson({ ...METADATA, voice_sample: { ...sample, data } }),
      );
      expect([code, conversationId]).toEqual(['broken_base64', 'conv_1']);
      return message;
    });
    expect(await Promise.all(problems)).toEqual([
      'voice_sample.data is a data URI: send only the base64 that follows its comma',
      'voice_sample.data lacks its padding: append = until the length is a multiple of 4',
      'voice_sample.data is not valid base64',
    ]);
  });

  test.each(['application/json; charset=iso-8859-1', 'application/json; charset=x-unknown'])(
    'is UTF-8 whatever its type says (%s)',
    async (contentType) => {
      const text = JSON.stringify({ ...METADATA, caller_metadata: { name: 'Zoë' }, voice_sample: sample });
      expect((await read(Buffer.from(text), contentType)).caller.name).toBe('Zoë');
      expect(await reasonOf(read(Buffer.from(text, 'latin1'), contentType))).toBe('not_json');
    },
  );

  test.each(['__proto__', 'constructor'])('may be about a conversation called %s', async (conversation_id) => {
    expect((await readJson({ ...METADATA, conversation_id, voice_sample: sample })).conversationId).toBe(
      conversation_id,
    );
  });
});

describe('multipart', () => {
  const BOUNDARY = 'b-o_u';
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

  const NAMED = 'Content-Disposition: form-data; name=';
  const METADATA_HEAD = `${NAMED}"metadata"`;
  const SAMPLE_HEAD = `${NAMED}"voice_sample"; filename="a.wav"`;
  const zoe = Buffer.from(JSON.stringify({ ...METADATA, caller_metadata: { name: 'Zoë' } }));
  type Parts = readonly (readonly [head: string, bytes: Buffer | string])[];
  const readParts = (parts: Parts, contentType = `multipart/form-data; boundary=${BOUNDARY}`) =>
    read(
      Buffer.concat([
        ...parts
          .flatMap(([head, bytes]) => [`--${BOUNDARY}\r\n${head}\r\n\r\n`, bytes, '\r\n'])
          .map((piece) => Buffer.from(piece)),
        Buffer.from(`--${BOUNDARY}--\r\n`),
      ]),
      contentType,
    );

  test.each(['', 'utf-8', 'us-ascii', 'iso-8859-1', 'utf-16', 'utf-99', 'X-WINDOWS-949', 'x', '"', '""'])(
    'is UTF-8 whatever charset a part declares (%j)',
    async (charset) => {
      const type = `Content-Type: text/plain; charset=${charset}`;
      const parts = [
        [`${NAMED}"note"\r\n${type}`, 'hello'],
        [`${METADATA_HEAD}\r\n${type}`, zoe],
        [`${SAMPLE_HEAD}\r\n${type}`, Buffer.from([255, 0])],
      ] as const;
      for (const declared of ['', `; charset=${charset}`]) {
        const request = await readParts(parts, `multipart/form-data; boundary=${BOUNDARY}${declared}`);
        expect(request.caller.name).toBe('Zoë');
        expect([...request.sample]).toEqual([255, 0]);
      }
    },
  );

  test.each([
    METADATA_HEAD,
    `${METADATA_HEAD}; filename="m.json"`,
    `${METADATA_HEAD}\r\nContent-Type: application/json`,
    `${METADATA_HEAD}\r\nContent-Type: text/plain; charset=iso-8859-1`,
  ])('with metadata in Latin-1 is refused (%j)', async (head) => {
    const latin1 = Buffer.from(zoe.toString(), 'latin1');
    const parts = [
      [SAMPLE_HEAD, 'RIFF'],
      [head, latin1],
    ] as const;
    expect(await refusalOf(readParts(parts))).toMatchObject({
      code: 'not_json',
      message: 'The part metadata is not valid JSON in UTF-8',
    });
  });

  test.each([
    ['a file name', `${NAMED}"voice_sample"; filename="s"`],
    ['an encoded file name', `${NAMED}"voice_sample"; filename*=UTF-8''%c3%a9.wav`],
    ['a type and no file name', `${NAMED}"voice_sample"\r\nContent-Type: audio/ogg`],
    ['a type of text and no file name', `${NAMED}"voice_sample"\r\nContent-Type: text/plain; charset=utf-8`],
    ['no quotes around its name', `${NAMED}voice_sample\r\nContent-Type: application/octet-stream`],
  ])('takes a sample part with %s as bytes, before the metadata and after it', async (_name, head) => {
    const bytes = Buffer.from([255, 254, 13, 10, 0]);
    const parts = [
      [METADATA_HEAD, zoe],
      [head, bytes],
    ] as const;
    for (const order of [parts, parts.toReversed()]) expect((await readParts(order)).sample).toEqual(bytes);
  });

  test.each<[string, Parts, string, string | undefined]>([
    [
      'two samples',
      [
        [METADATA_HEAD, zoe],
        [SAMPLE_HEAD, ''],
        [SAMPLE_HEAD, ''],
      ],
      'broken_multipart: The form has more than one part named voice_sample',
      undefined,
    ],
    [
      'two metadata parts',
      [
        [METADATA_HEAD, zoe],
        [METADATA_HEAD, zoe],
        [SAMPLE_HEAD, ''],
      ],
      'broken_multipart: The form has more than one part named metadata',
      undefined,
    ],
    ['no sample', [[METADATA_HEAD, zoe]], 'missing_sample: The form has no part named voice_sample', 'conv_1'],
    ['no metadata', [[SAMPLE_HEAD, '']], 'missing_metadata: The form has no part named metadata', undefined],
    [
      'a sample without file name and type',
      [
        [METADATA_HEAD, zoe],
        [`${NAMED}"voice_sample"`, 'RIFF'],
      ],
      'missing_sample: The part voice_sample needs a file name or a content type',
      'conv_1',
    ],
    [
      'a sample with an empty file name',
      [
        [METADATA_HEAD, zoe],
        [`${NAMED}"voice_sample"; filename=""`, 'RIFF'],
      ],
      'missing_sample: The part voice_sample needs a file name or a content type',
      'conv_1',
    ],
    [
      'too much metadata',
      [
        [METADATA_HEAD, Buffer.alloc(65_537, ' ')],
        [SAMPLE_HEAD, ''],
      ],
      'broken_multipart: The part metadata is over 65536 bytes',
      undefined,
    ],
    [
      'a header without end',
      [[`${METADATA_HEAD}\r\n--${BOUNDARY}`, zoe]],
      'broken_multipart: The header of a part of the form does not end',
      undefined,
    ],
  ])('with %s is refused, and the message says so', async (_name, parts, said, conversation) => {
    const { code, message, conversationId } = await refusalOf(readParts(parts));
    expect(`${code}: ${message}`).toBe(said);
    expect(conversationId).toBe(conversation);
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

  test('counts the body and what is made of it until both are released', async () => {
    const memory = new BodyMemory(1_000_000);
    const held = memory.open();
    await read(body, 'application/json', { held });
    expect(memory.heldBytes).toBe(2 * body.length);
    held.release();
    expect(memory.heldBytes).toBe(0);
  });

  test('is not there for a body over its limit', async () => {
    const memory = new BodyMemory(2_000);
    const reading = read(body, 'application/json', { held: memory.open() });
    await expect(reading).rejects.toMatchObject({ status: 503, code: 'overloaded' });
    expect(memory.heldBytes).toBe(0);
  });

  test('is not taken from a body that is complete and genuine', async () => {
    const memory = new BodyMemory(2 * body.length + 1_000);
    const held = memory.open();
    await read(body, 'application/json', { held });
    const stranger = memory.open();
    expect(() => stranger.hold(2_000)).toThrow('Too many large deliveries');
    expect(held.evicted.aborted).toBe(false);
  });
});
