import { afterAll, beforeAll, expect, it } from 'vitest';
import { send, startWorld, transcription, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({
    ELEVENLABS_WEBHOOK_SECRET: undefined,
    WEBHOOK_TOLERANCE_SECONDS: 'half an hour',
    AUDIO_STORAGE_PATH: '@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/very-secret-name)',
  });
});
afterAll(() => world.close());

it('without its secret the endpoint answers 503 and says in the log which settings to set', async () => {
  const answer = await send(world, JSON.stringify(transcription()));
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBeDefined();
  expect(answer.json['code']).toBe('not_configured');
  const line = world.lines.find((each) => each.message.includes('code=not_configured'));
  expect(line?.level).toBe('error');
  for (const name of ['ELEVENLABS_WEBHOOK_SECRET', 'WEBHOOK_TOLERANCE_SECONDS', 'AUDIO_STORAGE_PATH']) {
    expect(line?.message).toContain(name);
  }
});

it('a large body for it does not make the next request wait', async () => {
  const big = JSON.stringify(transcription(undefined, { padding: 'x'.repeat(8_000_000) }));
  expect((await send(world, big, { chunkBytes: 65536 })).status).toBe(503);
  expect((await send(world, big, { chunkBytes: 65536 })).status).toBe(503);
});

it('health is red and names the settings, never a value', async () => {
  const answer = await send(world, '', { method: 'GET', path: '/health', header: null });
  expect(answer.status).toBe(503);
  expect(answer.text).toMatch(/^\{"status":"unhealthy","service":"elevenlabs-webhook"/);
  expect(answer.json).toMatchObject({ failing: ['settings'] });
  expect(answer.text).toContain('ELEVENLABS_WEBHOOK_SECRET');
  expect(answer.text).not.toMatch(/half an hour|very-secret-name/);
});
