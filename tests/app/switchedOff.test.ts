import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audioEvent, type Context, newCall, now, send, startContext, transcription } from '../support/context.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext({
    ENABLE_TRANSCRIPT_STORAGE: 'false',
    ENABLE_AUDIO_STORAGE: undefined,
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: String(2 * 1024 * 1024),
    LOG_FORMAT: 'json',
    TRANSCRIPT_STORAGE_PATH: 'shared-container/transcripts/deep',
    QUARANTINE_STORAGE_PATH: 'shared-container/quarantine',
  });
});
afterAll(() => context.close());

it.each([
  ['a transcription', JSON.stringify(transcription())],
  ['a short recording', JSON.stringify(audioEvent('QUJD'))],
  ['a long recording', JSON.stringify(audioEvent(randomBytes(500_000)))],
])('%s whose storage is switched off gets 200 and is not kept', async (_name, body) => {
  expect((await send(context, body)).status).toBe(200);
  expect(await context.stored()).toEqual([]);
});

it('a call failure is kept all the same', async () => {
  const body = JSON.stringify({
    type: 'call_initiation_failure',
    event_timestamp: now(),
    data: { ...newCall(), failure_reason: 'busy' },
  });
  expect((await send(context, body)).status).toBe(200);
  expect(await context.stored()).toHaveLength(1);
});

it('what cannot be understood is quarantined all the same, under the configured folder', async () => {
  expect((await send(context, '{"type":"news"}')).status).toBe(400);
  const paths = (await context.storedIn('shared-container')).map((blob) => blob.path);
  expect(paths).toEqual([expect.stringMatching(/^shared-container\/quarantine\/unknown_type\//)]);
});

it.each([
  ['a declared length', {}],
  ['chunks', { chunkBytes: 60_000 }],
])('a body over the limit, by %s, gets 413', async (_name, options) => {
  const limit = 2 * 1024 * 1024 - 64 * 1024;
  const answer = await send(context, ' '.repeat(limit + 1), options);
  expect(answer.status).toBe(413);
  expect(answer.json['code']).toBe('body_too_large');
  expect((await send(context, `${' '.repeat(limit - 2)}{}`, options)).json['code']).toBe('unknown_type');
});

it('log lines are JSON objects, one a line', async () => {
  await send(context, JSON.stringify(transcription()));
  const line = context.lines.filter((each) => each.functionName === 'postCallWebhook').at(-1)?.message ?? '';
  expect(JSON.parse(line)).toMatchObject({
    level: 'INFO',
    message: 'delivery',
    outcome: 'off',
    status: 200,
    secret: 1,
  });
});
