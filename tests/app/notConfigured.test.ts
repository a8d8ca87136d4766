import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Context, send, startContext, transcription } from '../support/context.ts';

let context: Context;
let start: string[];
beforeAll(async () => {
  const said = vi.spyOn(console, 'error');
  context = await startContext({
    ELEVENLABS_WEBHOOK_SECRET: undefined,
    WEBHOOK_TOLERANCE_SECONDS: 'half an hour',
    LOG_LEVEL: 'loud',
    AUDIO_STORAGE_PATH: '@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/very-secret-name)',
  });
  start = said.mock.calls.map(([line]) => String(line));
  said.mockRestore();
});
afterAll(() => context.close());

it('without its secret the endpoint answers 503 and says in the log which settings to set', async () => {
  const answer = await send(context, JSON.stringify(transcription()));
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBeDefined();
  expect(answer.json['code']).toBe('not_configured');
  const line = context.lines.find((each) => each.message.includes('code=not_configured'));
  expect(line?.level).toBe('error');
  for (const name of ['ELEVENLABS_WEBHOOK_SECRET', 'WEBHOOK_TOLERANCE_SECONDS', 'AUDIO_STORAGE_PATH']) {
    expect(line?.message).toContain(name);
  }
});

it('a large body for it does not make the next request wait', async () => {
  const big = JSON.stringify(transcription(undefined, { padding: 'x'.repeat(8_000_000) }));
  expect((await send(context, big, { chunkBytes: 65536 })).status).toBe(503);
  expect((await send(context, big, { chunkBytes: 65536 })).status).toBe(503);
});

it('at its start it has said what is wrong with which settings, and never a value', () => {
  expect(start).toContainEqual(expect.stringMatching(/^error: setting ELEVENLABS_WEBHOOK_SECRET is required/));
  expect(start).toContainEqual(expect.stringMatching(/^error: setting WEBHOOK_TOLERANCE_SECONDS must be/));
  expect(start).toContainEqual(expect.stringMatching(/^warning: setting LOG_LEVEL must be .* default/));
  expect(start.join()).not.toMatch(/half an hour|very-secret-name|loud/);
});

it.each(['/health', '/elevenlabs/health'])('%s is red and names the settings, never a value', async (path) => {
  const answer = await send(context, '', { method: 'GET', path, header: null });
  expect(answer.status).toBe(503);
  expect(answer.text).toMatch(/^\{"status":"unhealthy","service":"elevenlabs-webhook"/);
  expect(answer.json).toMatchObject({ failing: ['settings'] });
  expect(answer.text).toContain('ELEVENLABS_WEBHOOK_SECRET');
  expect(answer.text).not.toMatch(/half an hour|very-secret-name/);
});

it('health of pre-call is red for the same settings', async () => {
  const answer = await send(context, '', { method: 'GET', path: '/elevenlabs/precall/health', header: null });
  expect(answer.status).toBe(503);
  expect(answer.json).toMatchObject({ status: 'not configured', service: 'elevenlabs-precall-webhook' });
  expect(answer.json['settings']).toEqual(expect.arrayContaining(['ELEVENLABS_WEBHOOK_SECRET', 'ELEVENLABS_API_KEY']));
});

it('the sweep, as the heartbeat, fails', async () => {
  await expect(context.host.runTimer('sweep')).rejects.toThrow('settings');
});
