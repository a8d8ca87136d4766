import { describe, expect, test } from 'vitest';
import { BodyMemory } from '../../../../src/lib/http/bodyMemory.ts';
import { PayloadError } from '../../../../src/lib/preCall/errors.ts';
import type { PreCallRequest } from '../../../../src/lib/preCall/request/request.ts';
import { METADATA, read } from '../read.ts';

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
