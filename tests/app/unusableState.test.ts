import { afterAll, beforeAll, expect, it } from 'vitest';
import { audioEvent, type Context, newCall, send, startContext, transcription } from '../support/context.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext({
    STATE_STORAGE_PATH: 'Not A Container',
    ENABLE_RECONCILIATION: 'true',
    ELEVENLABS_API_KEY: 'sk_key_of_the_test',
  });
});
afterAll(() => context.close());

it('a STATE_STORAGE_PATH that cannot be used costs no delivery, and is named where it matters', async () => {
  const call = newCall();
  expect((await send(context, JSON.stringify(transcription(call)))).status).toBe(200);
  expect((await send(context, JSON.stringify(audioEvent(Buffer.alloc(900), call)))).status).toBe(200);
  expect((await send(context, JSON.stringify(audioEvent('%%%', call)))).status).toBe(400);
  expect((await context.paths()).filter((path) => path.includes(call.conversation_id))).toHaveLength(2);
  const { json } = await send(context, '', { method: 'GET', path: '/health', header: null });
  expect(json).toMatchObject({
    status: 'unhealthy',
    failing: ['settings'],
    checks: { settings: { status: 'fail', settings: ['STATE_STORAGE_PATH'] } },
    reconciliation: { status: 'not configured', settings: ['STATE_STORAGE_PATH'] },
  });
});
