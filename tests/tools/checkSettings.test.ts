import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'check-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

const root = fileURLToPath(new URL('../../', import.meta.url));
const GOOD = { ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_webhook', AzureWebJobsStorage: 'UseDevelopmentStorage=true' };
const OWN_PRE_CALL = { ELEVENLABS_PRECALL_WEBHOOK_SECRET: 'wsec_of_the_switch', PRECALL_AGENT_IDS: 'agent_1' };

interface Checked {
  readonly status: number | null;
  readonly text: string;
  readonly json: { outcome: string; costs: string[]; problems: object[]; warnings: object[]; unchecked: string[] };
}

function check(args: readonly string[], { input = '', environment = {} as NodeJS.ProcessEnv } = {}): Checked {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/cli/check-settings.ts', ...args], {
    cwd: root,
    env: { PATH, NODE_COMPILE_CACHE, ...environment },
    input,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr, json: stdout.startsWith('{') ? JSON.parse(stdout) : {} };
}

const listing = (settings: Record<string, string>) =>
  JSON.stringify(Object.entries(settings).map(([name, value]) => ({ name, slotSetting: false, value })));
const checkListing = (settings: Record<string, string>) => check(['-', '--json'], { input: listing(settings) });

test('reconciliation without a key is said, and costs nothing else', () => {
  const { status, json } = check(['--json'], { environment: { ...GOOD, ENABLE_RECONCILIATION: 'true' } });
  expect([status, json]).toMatchObject([
    1,
    { costs: ['reconciliation'], problems: [{ setting: 'ELEVENLABS_API_KEY', message: expect.any(String) }] },
  ]);
});

test('settings that the app takes end with 0', () => {
  const { status, text } = check([], { environment: GOOD });
  expect(text).toBe('Nothing would be refused.\n');
  expect(status).toBe(0);
});

test('a setting that the app refuses ends with 1, is named without its value, and says what it costs', () => {
  const { status, text } = check([], { environment: { ...GOOD, ELEVENLABS_WEBHOOK_SECRET: '"wsec_quoted"' } });
  expect(text).toMatch(/^error: setting ELEVENLABS_WEBHOOK_SECRET contains quotes/);
  expect(text).toContain('the webhook answers 503 to every delivery, /health is red.');
  expect(text).not.toContain('wsec_quoted');
  expect(status).toBe(1);
});

describe('what Azure lists', () => {
  test('is read from standard input, with its references to the vault left alone', () => {
    const reference = '@Microsoft.KeyVault(VaultName=v;SecretName=s)';
    const { status, json } = checkListing({
      ...OWN_PRE_CALL,
      ELEVENLABS_WEBHOOK_SECRET: reference,
      ELEVENLABS_API_KEY: reference,
      CallStorage: reference,
    });
    expect(json).toEqual({
      outcome: 'ok',
      costs: [],
      problems: [],
      warnings: [],
      unchecked: ['ELEVENLABS_WEBHOOK_SECRET', 'ELEVENLABS_API_KEY', 'CallStorage'],
    });
    expect(status).toBe(0);
  });

  test.each([
    ['WEBHOOK_FUTURE_SKEW_SECONDS', '1e3', ['post-call', 'pre-call', 'health']],
    ['QUARANTINE_STORAGE_PATH', 'transcripts', ['post-call', 'pre-call', 'health']],
    ['STATE_STORAGE_PATH', 'transcripts', ['health']],
    ['VOICE_CLONE_MAX_SIZE_MB', '100', ['pre-call']],
    ['CALLERS_DEFAULT_COUNTRY', 'Netherlands', ['callers']],
    ['APPLICATIONINSIGHTS_CONNECTION_STRING', 'key', ['telemetry']],
  ])('%s=%s costs %j', (setting, value, costs) => {
    const { status, json } = checkListing({ ...GOOD, ...OWN_PRE_CALL, ELEVENLABS_API_KEY: 'key', [setting]: value });
    expect(json).toMatchObject({ outcome: 'problems', costs, problems: [{ setting }] });
    expect(status).toBe(1);
  });

  test.each([
    ['SWEEP_SCHEDULE', '0 0 0 L * *'],
    ['WEBHOOK_TOLERANCE_SECONDS', '604800'],
    ['LOG_LEVEL', 'loud'],
  ])('%s=%s is a warning, which ends with 0', (setting, value) => {
    const { status, json } = checkListing({ ...GOOD, [setting]: value });
    expect(json).toMatchObject({ outcome: 'ok', problems: [], warnings: [{ setting }] });
    expect(status).toBe(0);
  });

  test('pre-call that shares everything is a warning, and pre-call that nobody uses is not', () => {
    const shared = checkListing({ ...GOOD, ELEVENLABS_API_KEY: 'key' });
    expect(shared.json.warnings).toEqual([
      expect.objectContaining({ setting: 'ELEVENLABS_PRECALL_WEBHOOK_SECRET' }),
      expect.objectContaining({ setting: 'PRECALL_AGENT_IDS' }),
    ]);
    expect(checkListing(GOOD).json).toMatchObject({ outcome: 'ok', warnings: [] });
  });
});

test.each([
  ['a local.settings.json', { IsEncrypted: false, Values: GOOD }],
  ['an object of names and values', { ...GOOD, WEBHOOK_TOLERANCE_SECONDS: 60, ENABLE_AUDIO_STORAGE: true }],
])('%s is read from a file', (_name, content) => {
  const file = join(folder, 'settings.json');
  writeFileSync(file, `\uFEFF${JSON.stringify(content)}`);
  expect(check([file])).toMatchObject({ status: 0, text: 'Nothing would be refused.\n' });
});

test.each([
  ['an unknown option', ['--loud'], '', 'There is no option --loud'],
  ['two files', ['a', 'b'], '', 'Too many arguments: b'],
  ['a file that does not exist', [join(folder, 'none.json')], '', 'cannot be read'],
  ['text', ['-'], 'NAME=value', 'not valid JSON'],
  ['a number', ['-'], '5', 'Expected the list'],
  ['a list of something else', ['-'], '["a"]', 'Expected the list'],
  ['a list without names', ['-'], '[{"value":"x"}]', 'Expected the list'],
  ['an encrypted file', ['-'], '{"IsEncrypted":true,"Values":{}}', 'func settings decrypt'],
])('%s ends with 2 and says why', (_name, args, input, says) => {
  const { status, text } = check(args, { input });
  expect(text).toContain(says);
  expect(text).not.toMatch(/^\s+at /m);
  expect(status).toBe(2);
});
