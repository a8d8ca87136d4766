import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audioEvent, type Context, newCall, send, startContext } from '../support/context.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext({ UNKNOWN_EVENT_TYPES: 'keep' });
});
afterAll(() => context.close());

const eventOf = (type: unknown) =>
  JSON.stringify({ type, event_timestamp: 1_739_537_297, data: { ...newCall(), x: 1 } });
/** Sends it and says what became visible. */
async function added(body: string, status: number, chunkBytes?: number) {
  const before = await context.paths();
  expect((await send(context, body, chunkBytes === undefined ? {} : { chunkBytes })).status).toBe(status);
  return context.stored((path) => !before.includes(path));
}

describe('with UNKNOWN_EVENT_TYPES=keep', () => {
  it.each(['unredacted_transcript', 'answering_machine_detection', '0', 'A-b_9', 'x'.repeat(64)])(
    'an event of the type %s is stored as it is, once',
    async (type) => {
      const body = eventOf(type);
      const blobs = await added(body, 200);
      expect(blobs.map(({ bytes }) => bytes.toString())).toEqual([body]);
      expect(blobs[0]?.path).toMatch(
        new RegExp(`^${context.containers.other}/${type}/2025-02-14/[0-9a-f]{64}\\.json$`),
      );
      expect(blobs[0]?.metadata).toMatchObject({ event_type: type, source: 'webhook' });
      expect(await added(body, 200)).toEqual([]);
      expect(context.lines.at(-1)?.message).toContain('outcome=duplicate');
    },
  );

  it.each([
    '.',
    '..',
    'a..b',
    'a.b',
    '%2e%2e',
    'x'.repeat(65),
    '',
    '-a',
    '_a',
    'a/b',
    'a b',
    'a\n',
    'é',
    5,
    null,
    undefined,
  ])('an event of the type %j is quarantined as before', async (type) => {
    const body = eventOf(type);
    const blobs = await added(body, 400);
    expect(blobs.map(({ bytes }) => bytes.toString())).toEqual([body]);
    expect(blobs[0]?.path).toMatch(/^quarantine-\w+\/unknown_type\/2025-02-14\/[0-9a-f]{64}\.json$/);
  });

  it('audio that was lifted out is kept decoded beside the JSON around it', async () => {
    const recording = randomBytes(9_000_000);
    const call = newCall();
    const body = JSON.stringify({ ...audioEvent(recording, call), type: 'unredacted_audio' });
    const blobs = await added(body, 200, 60_000);
    const stem = /^(.*\/unredacted_audio\/\d{4}-\d{2}-\d{2}\/[0-9a-f]{64})\.mp3$/.exec(
      blobs.map(({ path }) => path).find((path) => path.endsWith('.mp3')) ?? '',
    )?.[1];
    expect(blobs.map(({ path }) => path).sort()).toEqual([`${stem}.around.json`, `${stem}.mp3`]);
    expect(blobs.find(({ path }) => path.endsWith('.mp3'))?.bytes.equals(recording)).toBe(true);
    const around = blobs.find(({ path }) => path.endsWith('.json'));
    expect(JSON.parse(String(around?.bytes))).toMatchObject({ data: { ...call, full_audio: '' } });
    expect(around?.metadata).toMatchObject({ ...call, event_type: 'unredacted_audio' });
    expect(await added(body, 200, 60_000)).toEqual([]);
  });

  it('audio that cannot be decoded is quarantined as before', async () => {
    const event = audioEvent(`${randomBytes(600_000).toString('base64')}!`);
    const blobs = await added(JSON.stringify({ ...event, type: 'unredacted_audio' }), 400, 60_000);
    expect(blobs.map(({ path }) => path.replace(/.*[0-9a-f]{64}/, '')).sort()).toEqual([
      '.around.json',
      '.mp3',
      '.remainder.bin',
    ]);
  });

  it('a known event of another product still has no audio, and one that says something twice is ambiguous', async () => {
    const event = JSON.stringify({ ...audioEvent(randomBytes(600_000)), type: 'voice_removed' });
    expect((await added(event, 400, 60_000))[0]?.path).toContain('/unexpected_audio/');
    expect((await added('{"type":"news","type":"more"}', 400))[0]?.path).toContain('/ambiguous/');
  });

  it('a webhook_check is not an unknown type', async () => {
    expect(await added(eventOf('webhook_check'), 200)).toEqual([]);
  });
});
