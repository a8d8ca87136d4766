import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  audioEvent,
  type Context,
  newCall,
  now,
  OLD_SECRET,
  send,
  sign,
  startContext,
  transcription,
} from '../support/context.ts';
import { until } from '../support/until.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext();
});
afterAll(() => context.close());

const blobAt = async (path: string) => (await context.stored((each) => each === path))[0];
const deliveryLine = () => context.lines.filter((line) => line.message.startsWith('delivery ')).at(-1);

describe('a genuine event is stored and answered with exactly 200', () => {
  it('a transcription, byte for byte', async () => {
    const event = transcription();
    const body = JSON.stringify(event, null, 3);
    const answer = await send(context, body);
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('{"status":"received"}');
    const blob = await blobAt(
      `${context.containers.transcripts}/${event.data.agent_id}/${event.data.conversation_id}.json`,
    );
    expect(blob?.bytes.toString()).toBe(body);
    expect(blob?.contentType).toBe('application/json');
    expect(blob?.metadata).toMatchObject({
      sha256: createHash('sha256').update(body).digest('hex'),
      event_type: 'post_call_transcription',
      event_timestamp: String(event.event_timestamp),
      secret_position: '1',
      conversation_id: event.data.conversation_id,
      agent_id: event.data.agent_id,
      source: 'webhook',
    });
    expect(Date.parse(blob?.metadata['received_at'] ?? '')).toBeGreaterThan(0);
    expect(Number(blob?.metadata['signature_timestamp'])).toBeGreaterThan(0);
  });

  it.each([
    ['without a transcript', { transcript: undefined }],
    ['with a null analysis', { analysis: null }],
    ['with traces', { otlp_traces: { resourceSpans: [] } }],
  ])('a transcription %s, as .json', async (_name, more) => {
    const event = transcription(newCall(), more);
    expect((await send(context, JSON.stringify(event))).status).toBe(200);
    const { agent_id, conversation_id } = event.data;
    expect(await blobAt(`${context.containers.transcripts}/${agent_id}/${conversation_id}.json`)).toBeDefined();
  });

  it('transcripts of one call in both forms, neither of them beside the other, and a second one of each beside its own', async () => {
    const call = newCall();
    const json = (n: number) => JSON.stringify(transcription(call, { n }));
    const otel = (n: number) =>
      JSON.stringify({
        type: 'post_call_transcription_otel',
        event_timestamp: now(),
        data: { ...call, n, otlp_traces: {} },
      });
    for (const body of [otel(1), json(1), json(2), otel(2), otel(2)])
      expect((await send(context, body)).status).toBe(200);
    const stem = `${context.containers.transcripts}/${call.agent_id}/${call.conversation_id}`;
    const blobs = await context.stored((path) => path.startsWith(`${stem}.`));
    const forms = blobs.map(({ path }) => path.slice(stem.length).replace(/\.[0-9a-f]{32}\./, '.<hash>.'));
    expect(forms.sort()).toEqual(['.<hash>.json', '.<hash>.otel.json', '.json', '.otel.json']);
    const first = blobs.find(({ path }) => path === `${stem}.otel.json`);
    expect(first?.bytes.toString()).toContain('"n":1');
    expect(first?.contentType).toBe('application/json');
    expect(first?.metadata).toMatchObject({ event_type: 'post_call_transcription_otel', source: 'webhook' });
  });

  it.each([{}, null, { more: 1 }])('an event with its members beside an unused data: %j', async (data) => {
    const call = newCall();
    const body = JSON.stringify({ type: 'post_call_transcription', event_timestamp: now(), ...call, data });
    expect((await send(context, body)).status).toBe(200);
    const blob = await blobAt(`${context.containers.transcripts}/${call.agent_id}/${call.conversation_id}.json`);
    expect(blob?.bytes.toString()).toBe(body);
  });

  it('a transcription with what finds its call in the metadata', async () => {
    const event = transcription(newCall(), {
      has_audio: true,
      metadata: {
        start_time_unix_secs: 1739537297,
        call_duration_secs: 118,
        phone_call: { type: 'sip_trunking', direction: 'inbound', external_number: '+12025550187' },
      },
      analysis: { call_successful: 'success', transcript_summary: 'Grüße' },
      conversation_initiation_client_data: { dynamic_variables: { caller_known: 'yes' } },
    });
    expect((await send(context, JSON.stringify(event))).status).toBe(200);
    const { agent_id, conversation_id } = event.data;
    const blob = await blobAt(`${context.containers.transcripts}/${agent_id}/${conversation_id}.json`);
    expect(blob?.metadata).toMatchObject({
      call_started_at: '2025-02-14T12:48:17.000Z',
      call_duration_seconds: '118',
      call_direction: 'inbound',
      call_successful: 'success',
      call_external_number: '+12025550187',
      call_has_audio: 'true',
      call_initiation: 'known',
    });
    expect(deliveryLine()?.message).not.toContain('12025550187');
  });

  it('a call failure with its reason, status and provider in the metadata and in the log line', async () => {
    const call = newCall();
    const body = { to_number: '+12025550187', sip_status_code: 486, error_reason: 'Busy Here' };
    const data = { ...call, failure_reason: 'declined by Jan', metadata: { type: 'sip', body } };
    const event = JSON.stringify({ type: 'call_initiation_failure', event_timestamp: now(), data });
    expect((await send(context, event)).status).toBe(200);
    const blob = await blobAt(`${context.containers.failures}/${call.agent_id}/${call.conversation_id}.json`);
    expect(blob?.metadata).toMatchObject({
      call_failure_reason: 'other',
      call_sip_status: '486',
      call_provider: 'sip',
      call_external_number: '+12025550187',
    });
    expect(deliveryLine()?.message).toContain(' failure_reason=other sip_status=486 provider=sip ');
  });

  it.each([
    ['alone', { type: 'webhook_check' }],
    ['with data', { type: 'webhook_check', event_timestamp: now(), data: newCall() }],
    ['with a recording', { ...audioEvent(Buffer.alloc(600_000)), type: 'webhook_check' }],
  ])('a webhook_check %s, of which nothing is kept', async (_name, event) => {
    const before = await context.paths();
    const answer = await send(context, JSON.stringify(event));
    expect([answer.status, answer.text]).toEqual([200, '{"status":"received"}']);
    expect(await context.paths()).toEqual(before);
    expect(deliveryLine()?.message).toContain('outcome=check ');
  });

  it('a transcription in the older flat shape, with the fields beside type', async () => {
    const call = newCall();
    const body = JSON.stringify({ type: 'post_call_transcription', event_timestamp: now(), ...call, transcript: [] });
    expect((await send(context, body)).status).toBe(200);
    const blob = await blobAt(`${context.containers.transcripts}/${call.agent_id}/${call.conversation_id}.json`);
    expect(blob?.bytes.toString()).toBe(body);
  });

  it.each([
    ['post_call_transcription', 'transcripts', 'json', { transcript: [] }],
    ['post_call_transcription', 'transcripts', 'json', { analysis: null }],
    ['call_initiation_failure', 'failures', 'json', { failure_reason: 'busy' }],
    ['post_call_audio', 'audio', 'mp3', { full_audio: 'QUJD' }],
    ['post_call_transcription_otel', 'transcripts', 'otel.json', { otlp_traces: { resourceSpans: [] } }],
  ] as const)(
    'an event without a type whose shape is that of %s, marked as inferred',
    async (type, area, form, data) => {
      const call = newCall();
      expect((await send(context, JSON.stringify({ data: { ...call, ...data } }))).status).toBe(200);
      const blob = await blobAt(`${context.containers[area]}/${call.agent_id}/${call.conversation_id}.${form}`);
      expect(blob?.metadata).toMatchObject({ event_type: type, event_type_inferred: 'true' });
      expect(deliveryLine()?.message).toContain('inferred=true');
    },
  );

  it('a short recording, decoded', async () => {
    const event = audioEvent(Buffer.from('not quite an MP3'));
    expect((await send(context, JSON.stringify(event))).status).toBe(200);
    const blob = await blobAt(`${context.containers.audio}/${event.data.agent_id}/${event.data.conversation_id}.mp3`);
    expect(blob?.bytes.toString()).toBe('not quite an MP3');
    expect(blob?.contentType).toBe('audio/mpeg');
  });

  it('a documented event of another product, under other-events', async () => {
    const body = JSON.stringify({ type: 'voice_removed', event_timestamp: 1739537297, data: { voice_id: 'v' } });
    expect((await send(context, body)).status).toBe(200);
    const [blob] = await context.storedIn(context.containers.other);
    expect(blob?.bytes.toString()).toBe(body);
    expect(blob?.path).toContain('/voice_removed/2025-02-14/');
  });

  it('signed with the second secret, which the metadata and the log tell by its position', async () => {
    const event = transcription();
    expect((await send(context, JSON.stringify(event), { secret: OLD_SECRET })).status).toBe(200);
    const blob = await blobAt(
      `${context.containers.transcripts}/${event.data.agent_id}/${event.data.conversation_id}.json`,
    );
    expect(blob?.metadata['secret_position']).toBe('2');
    expect(deliveryLine()?.message).toContain('secret=2');
  });
});

describe('duplicates are harmless', () => {
  it('the same delivery again, and again with a new signature, is one blob and 200 each time', async () => {
    const event = transcription();
    const body = JSON.stringify(event);
    for (const timestamp of [now(), now(), now() - 60]) {
      expect((await send(context, body, { timestamp })).status).toBe(200);
    }
    expect(deliveryLine()?.message).toContain('duplicate=true');
    const paths = (await context.paths()).filter((path) => path.includes(event.data.conversation_id));
    expect(paths).toHaveLength(1);
  });

  it('twelve at once are one blob and twelve times 200', async () => {
    const event = transcription();
    const body = JSON.stringify(event);
    const answers = await Promise.all(Array.from({ length: 12 }, () => send(context, body)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(12).fill(200));
    const paths = (await context.paths()).filter((path) => path.includes(event.data.conversation_id));
    expect(paths).toHaveLength(1);
  });

  it('a second, different body is kept beside the first, also when it comes again', async () => {
    const call = newCall();
    const first = JSON.stringify(transcription(call));
    const second = JSON.stringify(transcription(call, { analysis: { call_successful: 'success' } }));
    for (const body of [first, second, second, first]) expect((await send(context, body)).status).toBe(200);
    const blobs = await context.stored((path) => path.includes(call.conversation_id));
    expect(blobs.map((blob) => blob.bytes.toString()).sort()).toEqual([first, second].sort());
    expect(blobs.every((blob) => blob.path.includes(`/${call.agent_id}/${call.conversation_id}.`))).toBe(true);
  });
});

describe('what is not genuine gets an answer and leaves nothing', () => {
  const body = JSON.stringify(transcription({ agent_id: 'agent_forged', conversation_id: 'conv_forged' }));
  const t = now();
  const v0 = sign(body, undefined, t).split(',')[1] as string;

  it.each<[string, string | null, number, string]>([
    ['no header', null, 401, 'signature_missing'],
    ['an empty header', '', 401, 'signature_missing'],
    ['a header of 30 kB', `t=${t},${v0},x=${'a'.repeat(30_000)}`, 401, 'signature_malformed'],
    ['t=abc', `t=abc,${v0}`, 401, 'signature_malformed'],
    ['two t', `t=${t},t=${t},${v0}`, 401, 'signature_malformed'],
    ['400 signatures', `t=${t}${`,${v0}`.repeat(400)}`, 401, 'signature_malformed'],
    ['11 signatures', `t=${t}${`,${v0}`.repeat(11)}`, 401, 'signature_malformed'],
    ['a signature under another scheme', `t=${t},${v0.replace('v0', 'v1')}`, 401, 'signature_malformed'],
    ['a signature of another body', sign('another', undefined, t), 401, 'signature_mismatch'],
    ['a signature with another secret', sign(body, 'wsec_other', t), 401, 'signature_mismatch'],
    ['a timestamp that was moved', `t=${t - 1},${v0}`, 401, 'signature_mismatch'],
    ['a timestamp too old', sign(body, undefined, t - 1860), 400, 'timestamp_too_old'],
    ['a timestamp too far ahead', sign(body, undefined, t + 360), 400, 'timestamp_in_future'],
  ])('%s', async (_name, header, status, code) => {
    const answer = await send(context, body, { header });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toMatchObject({ status, code, title: expect.any(String), type: expect.stringContaining(code) });
    expect(answer.text).not.toContain('forged');
    expect((await context.stored()).filter((blob) => blob.bytes.includes('conv_forged'))).toEqual([]);
    expect(context.lines.filter((line) => line.message.includes('forged'))).toEqual([]);
    expect(deliveryLine()?.message).toContain(`code=${code}`);
  });

  it('upper-case hex and spaces after commas are accepted, because the grammar allows them', async () => {
    const event = JSON.stringify(transcription());
    const [time, signature = ''] = sign(event).split(',');
    const header = `${time}, v1=ignored , v0=${signature.slice(3).toUpperCase()}`;
    expect((await send(context, event, { header })).status).toBe(200);
  });

  it('one right signature among wrong ones is enough', async () => {
    const event = JSON.stringify(transcription());
    const [time, signature] = sign(event).split(',');
    expect((await send(context, event, { header: `${time},v0=${'0'.repeat(64)},${signature}` })).status).toBe(200);
  });
});

describe('genuine but no event: quarantined byte for byte, then 400', () => {
  const deep = `{"type":"post_call_transcription","data":{"agent_id":1,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
  it.each<[string, Buffer | string, string]>([
    ['a byte order mark', `\uFEFF${JSON.stringify(transcription())}`, 'not_json'],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
      'not_json',
    ],
    ['an empty body', '', 'not_json'],
    ['half a body', JSON.stringify(transcription()).slice(0, 60), 'not_json'],
    ['null', 'null', 'not_an_event'],
    ['an array', '[1,2,3]', 'not_an_event'],
    ['a number', '42', 'not_an_event'],
    ['an unknown type', '{"type":"post_call_video","event_timestamp":1739537297,"data":{}}', 'unknown_type'],
    ['a type that is a number', '{"type":5,"data":{}}', 'unknown_type'],
    ['no type and no telling shape', '{"data":{"something":1}}', 'unknown_type'],
    ['100,000 levels of nesting and no usable ids', deep, 'unusable_ids'],
    ['no ids', '{"type":"post_call_transcription","data":{}}', 'unusable_ids'],
    ['only one id', '{"type":"post_call_transcription","data":{"conversation_id":"conv_1"}}', 'unusable_ids'],
    [
      'ids with slashes and dots',
      '{"type":"post_call_transcription","data":{"agent_id":"../a","conversation_id":"a/b"}}',
      'unusable_ids',
    ],
    [
      'ids under a __proto__ key',
      '{"type":"post_call_transcription","data":{"__proto__":{"agent_id":"a","conversation_id":"b"}}}',
      'unusable_ids',
    ],
    [
      'two types',
      '{"type":"x","type":"post_call_transcription","data":{"agent_id":"a","conversation_id":"b"}}',
      'ambiguous',
    ],
    [
      'two agents, one spelled with an escape',
      '{"type":"post_call_transcription","data":{"agent_id":"a","conversation_id":"b","agent\\u005fid":"c"}}',
      'ambiguous',
    ],
    [
      'a second data that is empty',
      '{"type":"post_call_transcription","data":{"agent_id":"a","conversation_id":"b"},"data":{}}',
      'ambiguous',
    ],
    [
      'a second recording that is empty',
      '{"type":"post_call_audio","data":{"agent_id":"a","conversation_id":"b","full_audio":"QUJD","full_audio":""}}',
      'ambiguous',
    ],
    ['audio without audio', '{"type":"post_call_audio","data":{"agent_id":"a","conversation_id":"b"}}', 'no_audio'],
    [
      'audio that is empty',
      '{"type":"post_call_audio","data":{"agent_id":"a","conversation_id":"b","full_audio":""}}',
      'no_audio',
    ],
    [
      'audio that is not valid base64',
      '{"type":"post_call_audio","data":{"agent_id":"a","conversation_id":"b","full_audio":"QUJ*"}}',
      'broken_audio',
    ],
  ])('%s', async (_name, body, code) => {
    const answer = await send(context, body);
    expect(answer.status).toBe(400);
    expect(answer.json['code']).toBe(code);
    const bytes = Buffer.from(body);
    const blob = (await context.storedIn(context.containers.quarantine)).find((stored) => stored.bytes.equals(bytes));
    expect(blob?.path).toMatch(new RegExp(`/${code}/\\d{4}-\\d{2}-\\d{2}/[0-9a-f]{64}\\.(json|bin)$`));
    expect(blob?.metadata).toMatchObject({ quarantine_reason: code });
  });

  it('the date of the folder is that of the event when it is readable', async () => {
    await send(context, '{"type":"post_call_image","event_timestamp":"2025-02-14T12:00:00Z"}');
    const paths = (await context.storedIn(context.containers.quarantine)).map((blob) => blob.path);
    expect(paths.some((path) => path.includes('/unknown_type/2025-02-14/'))).toBe(true);
  });
});

describe('the host and the limits', () => {
  it('a wrong method gets 404', async () => {
    expect((await send(context, '', { method: 'GET' })).status).toBe(404);
  });

  it('JSON over 16 MiB outside the audio gets 413 and leaves nothing', async () => {
    const event = transcription(newCall(), { padding: 'x'.repeat(17 * 1024 * 1024) });
    const answer = await send(context, JSON.stringify(event), { chunkBytes: 65536 });
    expect(answer.status).toBe(413);
    expect(answer.json['code']).toBe('json_too_large');
    expect(await context.stored((path) => path.includes(event.data.conversation_id))).toEqual([]);
  });

  it.each<[string, number, Parameters<typeof send>[2]]>([
    ['refused by its header', 401, { header: null }],
    ['refused half-way', 413, {}],
  ])('a large body that is %s does not make the next request wait', async (_name, status, options) => {
    const body = `{"padding":"${'x'.repeat(17 * 1024 * 1024)}"}`;
    expect((await send(context, body, { chunkBytes: 65536, ...options })).status).toBe(status);
    expect((await send(context, '', { method: 'GET', path: '/health', header: null })).status).toBe(200);
    expect((await send(context, JSON.stringify(transcription()))).status).toBe(200);
  });

  it('health is green, also for HEAD', async () => {
    const answer = await send(context, '', { method: 'GET', path: '/health', header: null });
    expect(answer.status).toBe(200);
    expect(answer.text).toMatch(/^\{"status":"healthy","service":"elevenlabs-webhook"/);
    expect((await send(context, '', { method: 'HEAD', path: '/health', header: null })).status).toBe(200);
  });

  it('a log line for a delivery says all that an operator needs, and nothing of the call', async () => {
    const event = transcription();
    await send(context, JSON.stringify(event));
    const line = await until(() => deliveryLine()?.message.includes(event.data.conversation_id) && deliveryLine());
    expect(line).toMatchObject({ level: 'information', functionName: 'postCallWebhook' });
    expect((line as { message: string }).message).toMatch(
      /^delivery outcome=stored event=post_call_transcription conversation=conv_\w+ agent=agent_\w+ secret=1 bytes=\d+ ms=\d+ commit_ms=\d+ signature_age_s=\d+ delivery=\S+ duplicate=false blob=\S+ status=200$/,
    );
    expect(context.lines.filter((each) => each.message.includes('Hello?'))).toEqual([]);
  });
});
