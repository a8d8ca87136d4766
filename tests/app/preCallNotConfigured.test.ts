import { afterAll, beforeAll, expect, it } from 'vitest';
import { send, transcription } from '../support/context.ts';
import {
  FORMS,
  metadataOf,
  newSample,
  type PreCallApp,
  sendPreCall,
  startDeployedApp,
} from '../support/preCallContext.ts';

let app: PreCallApp;
beforeAll(async () => {
  app = await startDeployedApp({ ELEVENLABS_API_KEY: undefined, VOICE_LEASE_MINUTES: 'a quarter' });
});
afterAll(() => app.close());

it.each(FORMS)(
  'without an API key pre-call answers 503 and says in the log which settings to set (%s)',
  async (_form, request) => {
    const metadata = metadataOf();
    const answer = await sendPreCall(app, request(metadata, newSample()));
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(answer.json).toEqual({
      status: 'error',
      error_code: 'NOT_CONFIGURED',
      error_message: expect.stringMatching(/\w/),
      reason: 'not_configured',
    });
    const line = app.context.lines.filter(({ message }) => message.startsWith('pre-call ')).at(-1);
    expect(line?.level).toBe('error');
    expect(line?.message).toMatch(/ELEVENLABS_API_KEY/);
    expect(line?.message).toMatch(/VOICE_LEASE_MINUTES/);
    expect(line?.message).not.toContain(metadata.conversation_id);
    expect(app.api.state.requests).toEqual([]);
  },
);

it('post-call works all the same, and health is green but for the member of pre-call', async () => {
  const event = transcription();
  expect((await send(app.context, JSON.stringify(event))).status).toBe(200);
  expect(await app.context.paths()).toEqual([expect.stringContaining(event.data.conversation_id)]);
  const health = await send(app.context, '', { method: 'GET', path: '/health', header: null });
  expect(health.status).toBe(200);
  expect(health.json).toMatchObject({
    status: 'healthy',
    'elevenlabs-precall-webhook': {
      status: 'not configured',
      settings: expect.arrayContaining(['ELEVENLABS_API_KEY', 'VOICE_LEASE_MINUTES']),
    },
  });
});

it('health of pre-call is red and names the settings', async () => {
  const health = await send(app.context, '', { method: 'GET', path: '/elevenlabs/precall/health', header: null });
  expect(health.status).toBe(503);
  expect(health.json).toMatchObject({
    status: 'not configured',
    service: 'elevenlabs-precall-webhook',
    settings: expect.arrayContaining(['ELEVENLABS_API_KEY', 'VOICE_LEASE_MINUTES']),
  });
});

it('the sweep runs without pre-call', async () => {
  await app.context.host.runTimer('sweep');
});
