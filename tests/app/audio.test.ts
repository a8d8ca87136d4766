import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type Context, newCall, now, send, sign, startContext, WEBHOOK_PATH } from '../support/context.ts';
import { until } from '../support/until.ts';

const MEGABYTE = 1024 * 1024;
const PIECES = { chunkBytes: 60_000 };
const recording = randomBytes(11 * MEGABYTE + 1);
const base64 = recording.toString('base64');

let context: Context;
let services: Services;
beforeAll(async () => {
  context = await startContext();
  ({ services } = await import('../../src/lib/wiring.ts'));
});
afterAll(() => context.close());
afterEach(async () => {
  expect(await context.storedIn(context.containers.incoming), 'incoming is empty at rest').toEqual([]);
  await until(() => services.postCall?.store.pool.leased === 0 || undefined);
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const storedOf = (call: { conversation_id: string }) =>
  context.stored((_path, metadata) => metadata['conversation_id'] === call.conversation_id);

/** The event as text with its members in a given order. */
function eventText(call: ReturnType<typeof newCall>, order: string, audio = base64): string {
  const members: Record<string, string> = {
    a: `"agent_id":"${call.agent_id}"`,
    c: `"conversation_id":"${call.conversation_id}"`,
    f: `"full_audio":"${audio}"`,
  };
  const [envelope = '', data = ''] = order.split(' ');
  const outer: Record<string, string> = {
    t: '"type":"post_call_audio"',
    e: `"event_timestamp":${now()}`,
    d: `"data":{${[...data].map((key) => members[key]).join(', ')}}`,
  };
  return `{${[...envelope].map((key) => outer[key]).join(',')}}`;
}

describe('a large recording streams through', () => {
  it.each(['ted acf', 'ted fac', 'ted afc', 'dte acf', 'dte fac', 'tde cfa', 'dt fca'])(
    'in the key order %s, chunked, to the same bytes',
    async (order) => {
      const call = newCall();
      const answer = await send(context, eventText(call, order), PIECES);
      expect(answer.text).toBe('{"status":"received"}');
      const [blob, ...others] = await storedOf(call);
      expect(others).toEqual([]);
      expect(blob?.path).toBe(`${context.containers.audio}/${call.agent_id}/${call.conversation_id}.mp3`);
      expect(blob?.contentType).toBe('audio/mpeg');
      expect(sha256(blob?.bytes ?? Buffer.alloc(0))).toBe(sha256(recording));
      expect(blob?.metadata).toMatchObject({ sha256: sha256(recording), event_type: 'post_call_audio' });
      expect(Object.keys(blob?.metadata ?? {}).filter((key) => key.startsWith('target'))).toEqual([]);
    },
  );

  it('with a Content-Length instead of chunks', async () => {
    const call = newCall();
    expect((await send(context, eventText(call, 'ted acf'))).status).toBe(200);
    expect((await storedOf(call))[0]?.metadata['sha256']).toBe(sha256(recording));
  });

  it('with every slash escaped, as some encoders do', async () => {
    const call = newCall();
    const text = eventText(call, 'ted acf', base64.replaceAll('/', '\\/'));
    expect((await send(context, text, PIECES)).status).toBe(200);
    expect((await storedOf(call))[0]?.metadata['sha256']).toBe(sha256(recording));
  });

  it.each([300_000, 3 * MEGABYTE, 4_194_306, 8_388_612])(
    'of %d bytes, which is put in one request up to one block',
    async (size) => {
      const call = newCall();
      const bytes = randomBytes(size);
      expect((await send(context, eventText(call, 'ted acf', bytes.toString('base64')), PIECES)).status).toBe(200);
      expect((await storedOf(call)).map((blob) => blob.metadata['sha256'])).toEqual([sha256(bytes)]);
    },
  );

  it('several times at once and again: one blob and 200 each time', async () => {
    const call = newCall();
    const text = eventText(call, 'ted acf');
    const atOnce = await Promise.all(Array.from({ length: 4 }, () => send(context, text, PIECES)));
    const again = await send(context, text, PIECES);
    expect([...atOnce, again].map((answer) => answer.status)).toEqual(Array(5).fill(200));
    expect(await storedOf(call)).toHaveLength(1);
  });

  it('a second, different recording of the same call is kept beside the first', async () => {
    const call = newCall();
    const other = Buffer.from(recording);
    other[5_000_000] = (other[5_000_000] ?? 0) ^ 1;
    for (const bytes of [recording, other, other]) {
      expect((await send(context, eventText(call, 'ted acf', bytes.toString('base64')), PIECES)).status).toBe(200);
    }
    const blobs = await storedOf(call);
    expect(blobs.map((blob) => sha256(blob.bytes)).sort()).toEqual([sha256(recording), sha256(other)].sort());
    expect(
      blobs.every((blob) =>
        blob.path.startsWith(`${context.containers.audio}/${call.agent_id}/${call.conversation_id}.`),
      ),
    ).toBe(true);
  });

  it('twenty at once, more than there are block buffers for', async () => {
    const calls = Array.from({ length: 20 }, newCall);
    const answers = await Promise.all(calls.map((call) => send(context, eventText(call, 'ted acf'), PIECES)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    for (const call of calls) expect((await storedOf(call))[0]?.metadata['sha256']).toBe(sha256(recording));
  }, 120_000);
});

describe('a recording that is not genuine leaves nothing visible', () => {
  it.each([
    ['signed with another secret', (text: string) => sign(text, 'wsec_other')],
    ['signed for another body', (text: string) => sign(`${text} `)],
  ])('%s', async (_name, header) => {
    const call = newCall();
    const text = eventText(call, 'ted acf');
    const before = await context.paths();
    const answer = await send(context, text, { ...PIECES, header: header(text) });
    expect(answer.status).toBe(401);
    expect(answer.json['code']).toBe('signature_mismatch');
    expect(await context.paths()).toEqual(before);
  });

  it('cut off half-way by a client that goes away', async () => {
    const call = newCall();
    const text = eventText(call, 'ted acf');
    const before = await context.paths();
    const request = httpRequest(context.host.url.replace(/\/$/, '') + WEBHOOK_PATH, {
      method: 'POST',
      headers: { 'elevenlabs-signature': sign(text), 'transfer-encoding': 'chunked' },
    });
    request.on('error', () => {});
    await new Promise((resolve) => request.write(text.slice(0, 9 * MEGABYTE), resolve));
    request.destroy();
    await until(() => context.lines.find((line) => line.message.includes('code=body_cut_off')));
    expect(await context.paths()).toEqual(before);
  });
});

describe('genuine audio that cannot be taken as an event is quarantined in its parts', () => {
  const inQuarantine = async (reason: string, known: readonly string[] = []) => {
    const isMeant = (path: string) => path.includes(`/${reason}/`) && !known.includes(path);
    const blobs = await context.storedIn(context.containers.quarantine, isMeant);
    const part = (ending: string) => blobs.find((blob) => blob.path.endsWith(ending))?.bytes;
    return { around: part('.around.json'), audio: part('.mp3'), undecoded: part('.remainder.bin'), blobs };
  };

  it('broken base64 after megabytes: all that arrived can be put together again', async () => {
    const cut = 10 * MEGABYTE;
    const call = newCall();
    const text = eventText(call, 'ted acf', `${base64.slice(0, cut + 2)}*${base64.slice(cut + 3)}`);
    const answer = await send(context, text, PIECES);
    expect(answer.status).toBe(400);
    expect(answer.json['code']).toBe('broken_audio');
    const { around, audio, undecoded, blobs } = await inQuarantine('broken_audio');
    expect(audio?.equals(recording.subarray(0, (cut / 4) * 3))).toBe(true);
    const brokenFrom = text.indexOf(base64.slice(0, 64)) + cut;
    expect(undecoded?.equals(Buffer.from(text.slice(brokenFrom)))).toBe(true);
    const whole = Buffer.concat([
      around ?? Buffer.alloc(0),
      Buffer.from(audio?.toString('base64') ?? ''),
      undecoded ?? Buffer.alloc(0),
    ]);
    expect(whole.equals(Buffer.from(text))).toBe(true);
    for (const blob of blobs)
      expect(blob.metadata).toMatchObject({ ...call, quarantine_reason: 'broken_audio', sha256: sha256(blob.bytes) });
    expect((await send(context, text, PIECES)).status).toBe(400);
    expect((await inQuarantine('broken_audio')).blobs).toHaveLength(3);
  });

  it.each([
    ['missing ids', 'unusable_ids', (text: string) => text.replace('conversation_id', 'conversation')],
    ['an unknown type', 'unknown_type', (text: string) => text.replace('post_call_audio', 'unredacted_audio')],
    [
      'a type that has no audio',
      'unexpected_audio',
      (text: string) => text.replace('post_call_audio', 'post_call_transcription'),
    ],
    ['two recordings', 'ambiguous', (text: string) => text.replace(/\}\}$/, ',"full_audio":"QUJD"}}')],
    ['a second recording that is empty', 'ambiguous', (text: string) => text.replace(/\}\}$/, ',"full_audio":""}}')],
    [
      'a first recording that is null, spelled with an escape',
      'ambiguous',
      (text: string) => text.replace('"full_audio"', '"full\\u005faudio":null,"full_audio"'),
    ],
    [
      'a second data with other ids',
      'ambiguous',
      (text: string) => text.replace(/\}$/, `,"data":${JSON.stringify({ ...newCall(), full_audio: '' })}}`),
    ],
    ['a second data that is empty', 'ambiguous', (text: string) => text.replace(/\}$/, ',"data":{}}')],
    ['an empty recording beside data', 'ambiguous', (text: string) => text.replace(/\}$/, ',"full_audio":""}')],
    [
      'ids beside data that say less than data',
      'ambiguous',
      (text: string) => text.replace(/\}\}$/, ',"agent_id":"agent_other"}}'),
    ],
    [
      'a number that is not one before it',
      'not_json',
      (text: string) => text.replace('"full_audio"', '"score":NaN,"full_audio"'),
    ],
  ])('%s after megabytes', async (_name, reason, change) => {
    const before = await context.paths();
    const answer = await send(context, change(eventText(newCall(), 'ted acf')), PIECES);
    expect(answer.status).toBe(400);
    expect(answer.json['code']).toBe(reason);
    const { blobs: added } = await inQuarantine(reason, before);
    expect(added.map((blob) => blob.path.replace(/.*[0-9a-f]{64}/, '')).sort()).toEqual(['.around.json', '.mp3']);
    expect(added.find((blob) => blob.path.endsWith('.mp3'))?.bytes.equals(recording)).toBe(true);
  });

  it('a genuine body that ends inside the audio', async () => {
    const text = eventText(newCall(), 'ted acf').slice(0, 5 * MEGABYTE);
    const before = await context.paths();
    expect((await send(context, text, PIECES)).status).toBe(400);
    const { around = '', audio, undecoded = '' } = await inQuarantine('broken_audio', before);
    expect(`${around}${audio?.toString('base64')}${undecoded}` === text).toBe(true);
  });
});
