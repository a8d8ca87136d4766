import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { freePort, run } from './run.ts';
import { type Served, serve } from './served.ts';

let elevenLabs: RunningElevenLabs;
let served: Served;
let environment: NodeJS.ProcessEnv;
let url: string;
let port: string;
beforeAll(async () => {
  elevenLabs = await startElevenLabs({ port: 0, apiKey: 'operator_key' });
  elevenLabs.state.addAgent({ agentId: 'agent_1' });
  const area = `connect-${Math.random().toString(36).slice(2, 10)}`;
  environment = {
    AzureWebJobsStorage: inject('storage'),
    TRANSCRIPT_STORAGE_PATH: `${area}/transcripts`,
    AUDIO_STORAGE_PATH: `${area}/audio`,
    CALL_FAILURE_STORAGE_PATH: `${area}/failures`,
    STATE_STORAGE_PATH: `${area}/state`,
    INCOMING_STORAGE_PATH: `${area}/incoming`,
    QUARANTINE_STORAGE_PATH: `${area}/quarantine`,
    ELEVENLABS_API_KEY: 'operator_key',
    ELEVENLABS_API_BASE_URL: elevenLabs.url,
    ELEVENLABS_OPERATOR_API_KEY: 'operator_key',
    ELEVENLABS_PRECALL_WEBHOOK_SECRET: 'wsec_of_the_switch',
    PRECALL_AGENT_IDS: 'agent_1',
    INITIATION_SECRET: '',
    WEBHOOK_TOLERANCE_SECONDS: '3600',
    SWEEP_SCHEDULE: '*/2 * * * * *',
    NO_COLOR: '1',
  };
  port = String(await freePort());
  url = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await served?.stop();
  await elevenLabs.close();
});

interface Line {
  readonly check: string;
  readonly status: string;
  readonly says: string;
  readonly summary?: { readonly failed: number };
}

async function doctor(more: NodeJS.ProcessEnv = {}): Promise<{ code: number | string; lines: Line[]; text: string }> {
  const looked = run(['tools/cli/doctor.ts', '--url', url, '--json'], { ...environment, ...more });
  const code = await looked.ended;
  const text = looked.text();
  return {
    code,
    text,
    lines: text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line),
  };
}

test('an app of npm start is connected with --print, and the doctor finds it in order afterwards', async () => {
  served = await serve(environment, ['--port', port]);
  const before = await doctor();
  expect(before.code).toBe(1);
  expect(before.lines).toContainEqual(expect.objectContaining({ check: 'webhook', status: 'failed' }));

  const args = ['tools/cli/connect.ts', '--url', url, '--agent', 'agent_1', '--print'];
  const connecting = run(args, environment);
  await connecting.says(/wsec_\w+[\s\S]*restart it/);
  const secret = /wsec_\w+/.exec(connecting.text())?.[0];
  expect(elevenLabs.state.agents.get('agent_1')).not.toHaveProperty('platform_settings.workspace_overrides');
  await served.stop();
  environment = { ...environment, ELEVENLABS_WEBHOOK_SECRET: secret };
  served = await serve(environment, ['--port', port]);
  expect([await connecting.ended, connecting.text()]).toEqual([0, expect.stringContaining('Connected')]);
  expect(elevenLabs.state.agents.get('agent_1')).toHaveProperty('platform_settings.workspace_overrides.webhooks');

  await expect
    .poll(async () => (await doctor()).lines.find(({ check }) => check === 'sweep')?.status, { interval: 500 })
    .toBe('ok');
  const { code, lines, text } = await doctor();
  expect(lines.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(code).toBe(0);
  for (const check of [
    'settings',
    'health',
    'signature',
    'webhook',
    'chosen',
    'tolerance',
    'clocks',
    'storage',
    'pre-call key',
    'pre-call slots',
    'pre-call agents',
  ]) {
    expect(lines).toContainEqual(expect.objectContaining({ check, status: 'ok' }));
  }
  expect(lines.at(-1)).toEqual({ summary: expect.objectContaining({ failed: 0 }) });
  for (const private_ of [secret ?? '', 'operator_key', 'wsec_of_the_switch']) expect(text).not.toContain(private_);
});

test('a wrong key fails, a missing one is skipped, and each says what to do', async () => {
  const wrong = await doctor({ ELEVENLABS_OPERATOR_API_KEY: 'another_key' });
  expect(wrong.code).toBe(1);
  expect(wrong.lines).toContainEqual(
    expect.objectContaining({ check: 'webhook', status: 'failed', todo: expect.any(String) }),
  );
  const none = await doctor({ ELEVENLABS_OPERATOR_API_KEY: '', ELEVENLABS_API_KEY: '' });
  expect(none.lines).toContainEqual(
    expect.objectContaining({ check: 'webhook', status: 'skipped', todo: expect.any(String) }),
  );
  expect(none.lines).toContainEqual(expect.objectContaining({ check: 'pre-call key', status: 'skipped' }));
  expect(none.code).toBe(0);
});

test('for people it is a line each, and nothing listens is a finding', async () => {
  const looked = run(['tools/cli/doctor.ts', '--url', `http://127.0.0.1:${await freePort()}`], environment);
  expect(await looked.ended).toBe(1);
  expect(looked.text()).toMatch(/^failed {2}health +The app cannot be reached: ECONNREFUSED\.\n +→ /m);
  expect(looked.text()).toMatch(/\d+ ok, \d+ warning, \d+ failed, \d+ skipped\n$/);
});
