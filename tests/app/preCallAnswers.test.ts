import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../tools/local/elevenlabs/faults.ts';
import { type Answer, newCall, now, OLD_SECRET, SECRET, type SendOptions, sign } from '../support/context.ts';
import {
  clonesOf,
  FORMS,
  jsonRequest,
  metadataOf,
  metadataPart,
  multipart,
  newCallOfAgent,
  newSample,
  type Part,
  type PreCallApp,
  type SignedRequest,
  samplePart,
  sendPreCall,
  sha256,
  startDeployedApp,
} from '../support/preCallContext.ts';

const MIB = 1024 * 1024;

/** No other text of these tests has them in it. */
const PERSON = { name: 'Zebulon Quistworth', date_of_birth: '29.02.1936', phone_number: '+31698765432' };
const TRACES = [/zebulon/i, /quistworth/i, /29\.02\.1936/, /98765432/];

let app: PreCallApp;
beforeAll(async () => {
  app = await startDeployedApp({ LOG_LEVEL: 'DEBUG', ENABLE_VOICE_SAMPLE_STORAGE: 'true' });
});
afterAll(() => app.close());
afterEach(() => {
  app.api.clearFaults();
  app.api.state.requiresVerification = false;
  app.api.state.errorFormat = 'current';
});

const file = (name: string) => readFileSync(`examples/voice-samples/${name}`);
const post = (request: SignedRequest, options?: SendOptions) => sendPreCall(app, request, options);
const lastLine = () => app.context.lines.filter(({ message }) => message.startsWith('pre-call ')).at(-1)?.message ?? '';
const personal = (more: object = {}) => metadataOf(newCallOfAgent(app), { caller_metadata: PERSON, ...more });

function expectFailure(answer: Answer, status: number, errorCode: string, conversation: string | undefined): void {
  expect(answer.json).toMatchObject({ status: 'error', error_code: errorCode });
  expect(answer.status).toBe(status);
  expect(answer.json['error_message']).toMatch(/\w/);
  expect(answer.json['reason']).toMatch(/^[a-z0-9_]+$/);
  expect(answer.json['conversation_id']).toBe(conversation);
  if (status === 503) expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
}

describe.each(FORMS)('a caller that comes as %s', (_form, request) => {
  it('gets a clone, the agent gets voice and greeting, and the switch is told', async () => {
    const metadata = personal();
    const sample = newSample();
    const answer = await post(request(metadata, sample));
    const [clone, ...more] = clonesOf(app, sample);
    expect(more).toEqual([]);
    expect(answer.json).toEqual({
      status: 'success',
      conversation_id: metadata.conversation_id,
      voice_id: clone?.voice_id,
      voice_name: clone?.name,
      agent_updated: true,
      caller_info: { Name: PERSON.name, DateOfBirth: PERSON.date_of_birth },
      processing_time_ms: expect.any(Number),
      voice_reused: false,
    });
    expect(answer.status).toBe(200);
    expect(clone?.name).toMatch(/^Zebulon_Quistworth_Clone_\d{8}_\d{6}$/);
    expect(clone?.samples).toMatchObject([{ file_name: 'sample.wav', mime_type: 'audio/wav' }]);
    expect(app.api.state.agentNow(metadata.agent_id)).toEqual({
      voiceId: clone?.voice_id,
      firstMessage: 'Hallo Zebulon Quistworth, fijn dat je belt!',
    });
  });

  it('labels the clone by what sweep and repair go by', async () => {
    const metadata = metadataOf(newCallOfAgent(app));
    const sample = newSample();
    await post(request(metadata, sample));
    expect(clonesOf(app, sample)[0]?.labels).toEqual({
      made_by: 'elevenlabs-webhook',
      installation: expect.stringMatching(/^[0-9a-f-]{36}$/),
      conversation: metadata.conversation_id,
      sample: sha256(sample).slice(0, 32),
      expires_at: expect.stringMatching(/^\d{10}$/),
      caller: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it.each<[string, string]>([
    ['sample.wav', 'audio/wav'],
    ['sample.mp3', 'audio/mpeg'],
    ['sample-vbr.mp3', 'audio/mpeg'],
    ['sample-vorbis.ogg', 'audio/ogg'],
    ['sample-opus.ogg', 'audio/ogg'],
  ])('may bring %s, whatever it is called', async (name, type) => {
    const metadata = metadataOf(newCallOfAgent(app));
    expect((await post(request(metadata, file(name)))).status).toBe(200);
    expect(clonesOf(app, file(name))[0]?.samples).toMatchObject([{ mime_type: type }]);
    const kept = await app.context.storedIn(app.containers.samples, (path) => path.includes(metadata.conversation_id));
    expect(kept.map(({ bytes, contentType }) => [sha256(bytes), contentType])).toEqual([[sha256(file(name)), type]]);
    expect(kept[0]?.path).toContain(`/${metadata.agent_id}/`);
    expect(kept[0]?.path.endsWith(name.slice(-4))).toBe(true);
  });

  it.each([1, 2, 7, 100, 1021])('may come in chunks of %d bytes', async (chunkBytes) => {
    const metadata = metadataOf(newCallOfAgent(app));
    const sample = newSample();
    expect((await post(request(metadata, sample), { chunkBytes })).status).toBe(200);
    expect(clonesOf(app, sample)).toHaveLength(1);
  });

  it('may be nameless', async () => {
    const answer = await post(request(metadataOf(newCallOfAgent(app), { caller_metadata: undefined }), newSample()));
    expect(answer.json).toMatchObject({ voice_name: expect.stringMatching(/^Unknown_Clone_/), caller_info: {} });
  });

  it('may be called anything: name and greeting are cleaned, the answer has it as it came', async () => {
    const name = ' {{system__secret}} "José\u0000\n O’Neill-Ñ" ';
    const call = newCallOfAgent(app);
    const answer = await post(request(metadataOf(call, { caller_metadata: { name } }), newSample()));
    expect(answer.json).toMatchObject({
      voice_name: expect.stringMatching(/^system_secret_José_O_Neill-Ñ_Clone_\d{8}_\d{6}$/),
      caller_info: { Name: name },
    });
    expect(app.api.state.agentNow(call.agent_id).firstMessage).toBe(
      'Hallo system secret José O’Neill-Ñ, fijn dat je belt!',
    );
  });

  it('may be signed with either secret', async () => {
    const metadata = metadataOf(newCallOfAgent(app));
    const sample = newSample();
    expect((await post(request(metadata, sample), { secret: OLD_SECRET })).status).toBe(200);
  });

  it('whose sender is wrong about the duration is cloned, and the log says so', async () => {
    const right = jsonRequest(metadataOf(newCallOfAgent(app)), newSample(), { duration_seconds: 3.1 });
    expect((await post(right)).status).toBe(200);
    expect(lastLine()).not.toContain('declared_duration_disagrees');
    const declared = { voice_sample: { duration_seconds: 99, sample_rate: 44_100 }, duration_seconds: 99 };
    const wrong =
      request === jsonRequest
        ? jsonRequest(metadataOf(newCallOfAgent(app)), newSample(), { duration_seconds: 99 })
        : request(metadataOf(newCallOfAgent(app), declared), newSample());
    expect((await post(wrong)).status).toBe(200);
    expect(lastLine()).toContain('declared_duration_disagrees=true');
  });

  describe('is refused', () => {
    it.each<[string, (bytes: Buffer) => string | null]>([
      ['without a signature', () => null],
      ['with a malformed one', () => 'v0=abc'],
      ['with one under another secret', (bytes) => sign(bytes, 'wsec_other')],
      ['with one of another body', (bytes) => sign(Buffer.concat([bytes, Buffer.from(' ')]))],
    ])('%s: 401', async (_name, header) => {
      const metadata = personal();
      const sample = newSample();
      const made = request(metadata, sample);
      const answer = await post(made, { header: header(made.body) });
      expectFailure(answer, 401, 'INVALID_SIGNATURE', undefined);
      expect(answer.text).not.toContain(metadata.conversation_id);
      expect(lastLine()).not.toContain(metadata.conversation_id);
      expect(clonesOf(app, sample)).toEqual([]);
    });

    it.each([
      ['too old', -1801],
      ['too far ahead', 400],
    ])('with a timestamp that is %s: 400', async (_name, seconds) => {
      const metadata = personal();
      const answer = await post(request(metadata, newSample()), { timestamp: now() + seconds });
      expectFailure(answer, 400, 'EXPIRED_TIMESTAMP', undefined);
      expect(answer.text).not.toContain(metadata.conversation_id);
    });

    it.each<[string, object]>([
      ['of another type', { type: 'post_call_audio' }],
      ['without a type', { type: undefined }],
      ['without a conversation_id', { conversation_id: undefined }],
      ['without an agent_id', { agent_id: undefined }],
      ['with an empty conversation_id', { conversation_id: '' }],
      ['with a number for an id', { conversation_id: 12 }],
      ['with a path for a conversation_id', { conversation_id: '../../transcripts/a' }],
      ['with a path for an agent_id', { agent_id: 'agent/../x' }],
      ['with a letter outside the alphabet', { agent_id: 'agënt' }],
      ['with a line break after the id', { conversation_id: 'conv_1\n' }],
      ['with an id of a thousand characters', { conversation_id: 'c'.repeat(1000) }],
    ])('%s: 400', async (_name, wrong) => {
      const sample = newSample();
      const metadata = personal(wrong);
      const conversation = 'conversation_id' in wrong ? undefined : metadata.conversation_id;
      expectFailure(await post(request(metadata, sample)), 400, 'INVALID_PAYLOAD', conversation);
      expect(clonesOf(app, sample)).toEqual([]);
    });

    it('by a body over 15 MiB, declared or in chunks: 413', async () => {
      const metadata = personal();
      const big = request(metadata, Buffer.alloc(15 * MIB + 1));
      for (const options of [{}, { chunkBytes: 64 * 1024 }]) {
        const answer = await post(big, options);
        expectFailure(answer, 413, 'PAYLOAD_TOO_LARGE', undefined);
        expect(answer.text).not.toContain(metadata.conversation_id);
      }
      expect((await post(request(metadata, newSample()))).status).toBe(200);
    });

    it.each<[string, string, () => Uint8Array, RegExp]>([
      [
        'too short',
        'sample_too_short',
        () => file('too-short.wav'),
        /^Voice sample too short \(min 3 seconds required\)$/,
      ],
      ['longer than 180 s', 'sample_too_long', () => newSample(181), /too long/],
      ['too large', 'sample_too_large', () => Buffer.alloc(10 * MIB + 1), /too large.*10/],
      ['no audio', 'sample_unsupported_format', () => Buffer.from('GIF89a is no voice'), /WAV, MP3 or OGG/],
      ['empty', 'sample_unsupported_format', () => Buffer.alloc(0), /WAV, MP3 or OGG/],
      ['a WAV header and nothing else', 'sample_undecodable', () => newSample().subarray(0, 20), /decoded/],
    ])('for a sample that is %s: 400', async (_name, reason, sample, message) => {
      const metadata = personal();
      const answer = await post(request(metadata, sample()));
      expectFailure(answer, 400, 'VOICE_CLONING_FAILED', metadata.conversation_id);
      expect(answer.json['reason']).toBe(reason);
      expect(answer.json['error_message']).toMatch(message);
    });

    it.each<[string, string, Fault]>([
      ['all slots are used', 'voice_limit_reached', { kind: 'slots-full' }],
      ['all slots are used, in the older format', 'voice_limit_reached', { kind: 'slots-full-legacy' }],
      ['the plan has no cloning', 'plan_required', { kind: 'plan' }],
      ['the key is wrong', 'invalid_api_key', { kind: 'unauthorized' }],
      ['the key lacks a permission', 'missing_permission', { kind: 'forbidden' }],
      ['the form is not taken', 'validation', { kind: 'invalid' }],
    ])('when %s: 422, after one try', async (_name, reason, fault) => {
      const metadata = personal();
      const sample = newSample();
      app.api.fail({ ...fault, method: 'POST', times: 1 });
      const answer = await post(request(metadata, sample));
      expectFailure(answer, 422, 'VOICE_CLONING_FAILED', metadata.conversation_id);
      expect(answer.json['reason']).toBe(reason);
      expect(clonesOf(app, sample)).toEqual([]);
      expect((await post(request(metadata, sample))).status).toBe(200);
      expect(clonesOf(app, sample)).toHaveLength(1);
    });

    it('when the voice has to be verified first: 422, and the voice is deleted', async () => {
      const metadata = personal();
      const sample = newSample();
      app.api.state.requiresVerification = true;
      const answer = await post(request(metadata, sample));
      expectFailure(answer, 422, 'VOICE_CLONING_FAILED', metadata.conversation_id);
      expect(answer.json['reason']).toBe('requires_verification');
      expect(clonesOf(app, sample)).toEqual([]);
      expect(app.api.state.agentNow(metadata.agent_id).firstMessage).not.toMatch(/Zebulon/);
    });

    it('when ElevenLabs asks to come later, again and again: 503', async () => {
      const metadata = personal();
      app.api.fail({ kind: 'rate-limited', method: 'POST', times: 10, retryAfter: '1' });
      const answer = await post(request(metadata, newSample()));
      expectFailure(answer, 503, 'VOICE_CLONING_FAILED', metadata.conversation_id);
      expect(answer.json['reason']).toBe('upstream_unavailable');
    });
  });
});

it('a server error of ElevenLabs that does not end gets 503, and the next delivery is served', async () => {
  const metadata = personal();
  const sample = newSample();
  app.api.fail({ kind: 'server-error', path: '/v1/voices/add', times: 10, status: 502 });
  const answer = await post(jsonRequest(metadata, sample));
  expectFailure(answer, 503, 'VOICE_CLONING_FAILED', metadata.conversation_id);
  expect(answer.json['reason']).toBe('upstream_unavailable');
  app.api.clearFaults();
  expect((await post(jsonRequest(metadata, sample))).status).toBe(200);
  expect(clonesOf(app, sample)).toHaveLength(1);
});

describe('the agent cannot be changed: 200, agent_updated is false, and the log says why', () => {
  it('because ElevenLabs fails', async () => {
    const metadata = personal();
    app.api.fail({ kind: 'server-error', method: 'PATCH', times: 10 });
    const answer = await post(jsonRequest(metadata, newSample()));
    expect(answer.json).toMatchObject({ status: 'success', agent_updated: false, voice_id: expect.any(String) });
    expect(answer.status).toBe(200);
    const line = app.context.lines.find(
      ({ message }) => message.startsWith('agent ') && message.includes(metadata.conversation_id),
    );
    expect(line).toMatchObject({ level: 'warning', message: expect.stringMatching(/hint=.*500/) });
  });

  it('because there is no such agent', async () => {
    const metadata = metadataOf(newCall());
    const answer = await post(jsonRequest(metadata, newSample()));
    expect([answer.status, answer.json['agent_updated']]).toEqual([200, false]);
  });
});

describe('a body that is not a valid request', () => {
  const sample = () => jsonRequest(metadataOf(), newSample());
  const json = (body: object | string) => ({
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    contentType: 'application/json',
  });
  const good = (): Part[] => [metadataPart(personal()), samplePart(newSample())];
  const encoded = newSample().toString('base64');

  it.each<[string, () => SignedRequest]>([
    ['is not JSON', () => json('{"type":"pre_call"')],
    ['is empty', () => json('')],
    ['is a list', () => json('[]')],
    ['is null', () => json('null')],
    ['is not UTF-8', () => ({ ...json(''), body: Buffer.from('{"type":"pre_call\xff"}', 'latin1') })],
    ['has no metadata part', () => multipart(good().slice(1))],
    ['has no parts', () => multipart([])],
    [
      'has metadata that is not valid JSON',
      () => multipart([{ name: 'metadata', bytes: 'name=Ivan' }, samplePart(newSample())]),
    ],
    ['has two metadata parts', () => multipart([...good(), metadataPart(personal())])],
    ['has two samples', () => multipart([...good(), samplePart(newSample())])],
    [
      'has very many parts',
      () => multipart([...good(), ...Array.from({ length: 20 }, (_, n) => ({ name: `p${n}`, bytes: '' }))]),
    ],
    [
      'has endless metadata',
      () => multipart([metadataPart(personal({ padding: 'x'.repeat(70_000) })), samplePart(newSample())]),
    ],
    ['has no boundary in its type', () => ({ ...multipart(good()), contentType: 'multipart/form-data' })],
    [
      'has another boundary in its type',
      () => ({ ...multipart(good()), contentType: 'multipart/form-data; boundary=other' }),
    ],
    [
      'ends in the middle of a part',
      () => ({ ...multipart(good(), 'b'), body: multipart(good(), 'b').body.subarray(0, -200) }),
    ],
    [
      'ends before its last boundary',
      () => ({ ...multipart(good(), 'b'), body: multipart(good(), 'b').body.subarray(0, -7) }),
    ],
    ['is JSON that says it is multipart', () => ({ ...sample(), contentType: 'multipart/form-data; boundary=b' })],
    ['is multipart that says it is JSON', () => ({ ...multipart(good()), contentType: 'application/json' })],
  ])('because it %s: 400', async (_name, request) => {
    const answer = await post(request());
    expectFailure(answer, 400, 'INVALID_PAYLOAD', undefined);
  });

  const known = (more: object = {}) => personal({ conversation_id: 'conv_known', ...more });
  it.each<[string, () => SignedRequest]>([
    ['has no sample', () => json(known())],
    ['has a sample without data', () => json(known({ voice_sample: { format: 'base64' } }))],
    ['has a sample in another format', () => json(known({ voice_sample: { format: 'hex', data: encoded } }))],
    ['has a number for a sample', () => json(known({ voice_sample: { format: 'base64', data: 5 } }))],
    [
      'has base64 with a stray character',
      () => json(known({ voice_sample: { format: 'base64', data: `!${encoded}` } })),
    ],
    ['has base64 that is cut off', () => json(known({ voice_sample: { format: 'base64', data: 'QUJDR' } }))],
    ['has no sample part', () => multipart([metadataPart(known())])],
  ])('because it %s: 400, which names the conversation', async (_name, request) => {
    expectFailure(await post(request()), 400, 'INVALID_PAYLOAD', 'conv_known');
    expect(lastLine()).toContain('conversation=conv_known');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'audio/wav', 'multipart/mixed; boundary=b', ''])(
    'because its type is "%s": 415',
    async (contentType) => {
      expectFailure(await post({ ...sample(), contentType }), 415, 'UNSUPPORTED_MEDIA_TYPE', undefined);
    },
  );
});

describe('the parts of a form', () => {
  it.each([
    ['metadata first', (parts: Part[]) => parts],
    ['sample first', (parts: Part[]) => parts.toReversed()],
    ['with a part that nobody asked for', (parts: Part[]) => [{ name: 'note', bytes: 'x' }, ...parts]],
    [
      'with a type on the metadata',
      ([first, ...rest]: Part[]) => [{ ...first, type: 'application/json' } as Part, ...rest],
    ],
  ])('come %s, in chunks of any size', async (_name, order) => {
    for (const chunkBytes of [1, 13, 1000, 65_536]) {
      const metadata = metadataOf(newCallOfAgent(app));
      const sample = newSample();
      const answer = await post(multipart(order([metadataPart(metadata), samplePart(sample)])), { chunkBytes });
      expect(answer.json).toMatchObject({ status: 'success', conversation_id: metadata.conversation_id });
      expect(clonesOf(app, sample)).toHaveLength(1);
    }
  });

  it('may hold what looks like a boundary', async () => {
    const sample = Buffer.concat([newSample(), Buffer.from('\r\n--b\r\r\n--bb--\r\n\r\n-- b--\r\n')]);
    const parts = [samplePart(sample), metadataPart(metadataOf(newCallOfAgent(app)))];
    expect((await post(multipart(parts, 'bbb'), { chunkBytes: 3 })).status).toBe(200);
    expect(clonesOf(app, sample)).toHaveLength(1);
  });
});

describe('a form as other senders write it', () => {
  const head = (name: string, more = '') => `Content-Disposition: form-data; name="${name}"${more}`;
  const made = (metadataHead: string, sampleHead: string, metadata: Uint8Array | string, sample: Uint8Array): Buffer =>
    Buffer.concat(
      [
        `--b/b\r\n${metadataHead}\r\n\r\n`,
        metadata,
        `\r\n--b/b\r\n${sampleHead}\r\n\r\n`,
        sample,
        '\r\n--b/b--\r\n',
      ].map((piece) => Buffer.from(piece)),
    );
  const unquoted = 'multipart/form-data; boundary=b/b;';

  it.each([
    ['an unknown charset', '\r\nContent-Type: application/json; charset=X-WINDOWS-949', '; filename="s.wav"'],
    ['a sample without a file name', '', '\r\nContent-Type: audio/wav'],
    ['an encoded file name', '', "; filename*=UTF-8''stem%20%c3%a9.wav"],
  ])('is taken: %s, and a boundary with a slash', async (_name, ofMetadata, ofSample) => {
    const metadata = metadataOf(newCallOfAgent(app), { caller_metadata: { name: 'Zoë' } });
    const sample = newSample();
    const body = made(head('metadata', ofMetadata), head('voice_sample', ofSample), JSON.stringify(metadata), sample);
    const answer = await post({ body, contentType: unquoted }, { chunkBytes: 1000 });
    expect(answer.json).toMatchObject({ status: 'success', caller_info: { Name: 'Zoë' } });
    expect(clonesOf(app, sample)).toHaveLength(1);
  });

  it.each([
    ['in Latin-1', 'not_json', 'latin1', '; filename="s.wav"'],
    ['beside a nameless sample', 'missing_sample', 'utf8', ''],
  ] as const)('is refused with metadata %s: %s', async (_name, reason, encoding, ofSample) => {
    const metadata = Buffer.from(JSON.stringify(personal({ note: 'Zoë' })), encoding);
    const body = made(head('metadata'), head('voice_sample', ofSample), metadata, newSample());
    expect((await post({ body, contentType: unquoted })).json).toMatchObject({ error_code: 'INVALID_PAYLOAD', reason });
  });
});

it.each(['\r\n', '\n'])('base64 with line breaks (%j) is taken, as most encoders write it', async (lineBreak) => {
  const sample = newSample();
  const metadata = metadataOf(newCallOfAgent(app));
  const data = sample.toString('base64').replace(/.{1,76}/g, `$&${lineBreak}`);
  const answer = await post(jsonRequest(metadata, sample, { data }), { chunkBytes: 500 });
  expect(answer.json).toMatchObject({ status: 'success', voice_id: clonesOf(app, sample)[0]?.voice_id });
});

describe('the hint of a refusal is about the switch, not about ElevenLabs', () => {
  const hint = () => /hint="((?:[^"\\]|\\.)*)"/.exec(lastLine())?.[1] ?? '';

  it.each<[string, () => SendOptions, RegExp]>([
    [
      'signature_missing',
      () => ({ header: null }),
      /^Usual causes: the switch does not sign.*ElevenLabs does not call this endpoint/,
    ],
    [
      'signature_malformed',
      () => ({ header: 'v0=abc' }),
      /malformed: .*64 hex digits\. Check the signing code of the switch/,
    ],
    [
      'signature_mismatch',
      () => ({ secret: 'wsec_other' }),
      /any secret that is set .*signing code of the switch.*in a form, that includes the boundaries and the sample/,
    ],
    ['timestamp_too_old', () => ({ timestamp: now() - 1_801 }), /is 1801 s old .*in the code of the switch/],
    ['timestamp_in_future', () => ({ timestamp: now() + 400 }), /s ahead .*milliseconds/],
  ])('%s', async (code, options, expected) => {
    await post(jsonRequest(personal(), newSample()), options());
    expect(lastLine()).toContain(`code=${code}`);
    expect(hint()).toMatch(expected);
  });

  it('body_too_large, with the limit of pre-call in answer and hint', async () => {
    const answer = await post(jsonRequest(personal(), Buffer.alloc(15 * MIB)));
    expect(answer.json['error_message']).toMatch(/15 MiB.*shorter sample/);
    expect(hint()).toMatch(
      /over 15728640 bytes.*15 MiB, or FUNCTIONS_REQUEST_BODY_SIZE_LIMIT less 64 KiB.*shorter sample/,
    );
    expect(`${hint()} ${answer.text}`).not.toMatch(/recording|ElevenLabs|Raise/);
  });
});

it('a type in capitals and with a charset is JSON all the same', async () => {
  const request = jsonRequest(metadataOf(newCallOfAgent(app)), newSample());
  expect((await post({ ...request, contentType: 'Application/JSON; charset=utf-8' })).status).toBe(200);
});

it('a state that cannot be read gets 500 and no details', async () => {
  const metadata = personal();
  const container = app.context.blobs.getContainerClient(app.containers.state);
  await container.createIfNotExists();
  const text = '{"broken": very';
  await container.getBlockBlobClient(`conversations/${metadata.conversation_id}.json`).upload(text, text.length);
  const answer = await post(jsonRequest(metadata, newSample()));
  expectFailure(answer, 500, 'INTERNAL_ERROR', metadata.conversation_id);
  expect(answer.text).not.toMatch(/JSON|broken|very|\.ts/);
});

it('pre-call has its own member in health, and asks ElevenLabs once', async () => {
  const ask = () => sendPreCall(app, { body: Buffer.alloc(0), contentType: '' }, { method: 'GET', path: '/health' });
  const asked = () =>
    app.api.state.requests.filter(({ path }) => path.includes('page_size=1&') || path.endsWith('page_size=1'));
  expect((await ask()).json).toMatchObject({ 'elevenlabs-precall-webhook': { status: 'healthy' } });
  await ask();
  expect(asked()).toHaveLength(1);
});

// Runs after all others: it looks at everything that they have left behind.
describe('nothing personal is left behind', () => {
  it('in any log line', () => {
    const text = app.context.lines.map(({ message }) => message).join('\n');
    expect(text).toContain('outcome=cloned');
    expect(text).toContain('outcome=refused');
    expect(text).toContain('POST /v1/voices/add');
    for (const trace of TRACES) expect(text).not.toMatch(trace);
    for (const secret of [SECRET, 'sk_test', 'v0=']) expect(text).not.toContain(secret);
  });

  it('in any blob of the state', async () => {
    const blobs = await app.context.storedIn(app.containers.state);
    expect(new Set(blobs.map(({ path }) => path.split('/')[1]))).toEqual(
      new Set(['agents', 'conversations', 'installation', 'voices']),
    );
    const text = blobs.map(({ path, bytes, metadata }) => `${path} ${bytes} ${JSON.stringify(metadata)}`).join('\n');
    for (const trace of TRACES) expect(text).not.toMatch(trace);
  });

  it('in the names and metadata of the kept samples', async () => {
    const samples = await app.context.storedIn(app.containers.samples);
    const text = samples.map(({ path, metadata }) => `${path} ${JSON.stringify(metadata)}`).join('\n');
    for (const trace of TRACES) expect(text).not.toMatch(trace);
  });

  it('anywhere by requests that were not genuine', async () => {
    expect(await app.context.paths()).toEqual([]);
  });
});
