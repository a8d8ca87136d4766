import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/lib/settings/settings.ts';

const COMPLETE = {
  ELEVENLABS_WEBHOOK_SECRET: 'wsec_one',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
  ELEVENLABS_API_KEY: 'key',
  ELEVENLABS_PRECALL_WEBHOOK_SECRET: 'wsec_switch',
  PRECALL_AGENT_IDS: 'agent_1',
};
const read = (settings: Record<string, string | undefined>) => readSettings({ ...COMPLETE, ...settings });

it('pre-call with a secret and agents of its own has no warnings', () => {
  const { preCall, problems, preCallProblems, warnings, preCallWarnings } = read({});
  expect([problems, preCallProblems, warnings, preCallWarnings]).toEqual([[], [], [], []]);
  expect(preCall).toMatchObject({ agentIds: ['agent_1'], bodyLimitBytes: 15 * 1024 * 1024 });
});

describe('a problem of pre-call costs only pre-call', () => {
  it.each([
    ['ELEVENLABS_API_KEY', undefined, 'is required'],
    ['ELEVENLABS_API_KEY', 'sk_1 2', 'white space'],
    ['ELEVENLABS_API_KEY', 'sk_1\n', 'white space'],
    ['ELEVENLABS_API_KEY', 'sk_\u200b1', 'invisible'],
    ['ELEVENLABS_API_KEY', '"sk_1"', 'quotes'],
    ['ELEVENLABS_API_KEY', '<key>', 'angle brackets'],
    ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', 'short', 'fewer than 8'],
    ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', 'wsec_local_development_only', 'published development secret'],
    ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', '@Microsoft.KeyVault(VaultName=v;SecretName=s)', 'Key Vault'],
    ['ELEVENLABS_API_BASE_URL', 'api.elevenlabs.io', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'http://api.elevenlabs.io', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://user:password@api.elevenlabs.io', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://user@api.elevenlabs.io', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://api.elevenlabs.io/v1', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://api.elevenlabs.io?xi-api-key=1', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://api.elevenlabs.io\\@elsewhere.test', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://169.254.169.254', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://0xA9FEA9FE', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'https://[fd00::1]', 'https address'],
    ['ELEVENLABS_API_BASE_URL', 'http://127.0.0.1.nip.io', 'https address'],
    ['VOICE_CLONE_MIN_DURATION', '0', 'more than 0'],
    ['VOICE_CLONE_MIN_DURATION', '601', 'at most 600'],
    ['VOICE_CLONE_MIN_DURATION', 'three', 'must be a number'],
    ['VOICE_CLONE_MAX_SIZE_MB', '14.94', 'at most 14.9375'],
    ['VOICE_CLONE_MAX_SIZE_MB', '99999999', 'at most'],
    ['VOICE_LEASE_MINUTES', '0', 'at least 1'],
    ['VOICE_LEASE_MINUTES', '1441', 'at most 1440'],
    ['VOICE_SLOTS_RESERVE', '10001', 'at most 10000'],
    ['PRECALL_AGENT_IDS', 'agent_1,agent 2', 'ids of agents'],
    ['PRECALL_AGENT_IDS', 'agent_1,', 'ids of agents'],
    ['PRECALL_AGENT_IDS', 'https://elevenlabs.io/agent_1', 'ids of agents'],
    ['PRECALL_AGENT_UPDATE', 'both', 'patch or override'],
    ['VOICE_SAMPLE_STORAGE_PATH', '_', 'container name'],
    ['PRECALL_STATE_STORAGE_PATH', `state/${'a/'.repeat(201)}`, 'too long'],
  ])('%s may not be %j', (setting, value, message) => {
    const { postCall, preCall, problems, preCallProblems } = read({ [setting]: value });
    expect(preCallProblems).toEqual([{ setting, message: expect.stringContaining(message) }]);
    expect(problems).toEqual([]);
    expect(postCall).toBeDefined();
    expect(preCall).toBeUndefined();
  });
});

describe('ELEVENLABS_API_BASE_URL', () => {
  it.each([
    'https://api.eu.residency.elevenlabs.io',
    'https://api.us.elevenlabs.io/',
    'https://api.elevenlabs.io:443',
    'http://127.0.0.1:7080',
    'http://localhost:7080/',
    'http://[::1]:7080',
  ])('may be %s', (value) => {
    expect(read({ ELEVENLABS_API_BASE_URL: value }).preCall?.elevenLabs.baseUrl).toBe(value.replace(/\/$/, ''));
  });
});

it('PRECALL_AGENT_IDS are ids, separated by commas and perhaps white space', () => {
  expect(read({ PRECALL_AGENT_IDS: ' agent_1, agent-2 ' }).preCall?.agentIds).toEqual(['agent_1', 'agent-2']);
});

describe('VOICE_CLONE_MAX_SIZE_MB', () => {
  it('may not be more than the host lets through', () => {
    const { preCall, preCallProblems } = read({ FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '8000000' });
    expect(preCall).toBeUndefined();
    expect(preCallProblems).toEqual([
      { setting: 'VOICE_CLONE_MAX_SIZE_MB', message: expect.stringContaining('FUNCTIONS_REQUEST_BODY_SIZE_LIMIT') },
    ]);
  });

  it('is a smaller thing with a smaller limit of the host, and so is the body that pre-call reads', () => {
    const { preCall } = read({ FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '8000000', VOICE_CLONE_MAX_SIZE_MB: '5' });
    expect(preCall?.bodyLimitBytes).toBe(8_000_000 - 65_536);
  });
});

describe('a warning', () => {
  it.each([
    ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', undefined, 'can sign transcripts'],
    ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', 'wsec_other,wsec_one', 'can sign transcripts'],
    ['PRECALL_AGENT_IDS', undefined, 'every agent'],
    ['DEFAULT_FIRST_MESSAGE', '{{secret}} {name}', 'double braces'],
    ['VOICE_CLONE_MAX_SIZE_MB', '12', 'must be sent as a form'],
  ])('names %s when it is %j, and pre-call works', (setting, value, message) => {
    const { preCall, preCallProblems, preCallWarnings } = read({ [setting]: value });
    expect(preCall).toBeDefined();
    expect(preCallProblems).toEqual([]);
    expect(preCallWarnings).toEqual([{ setting, message: expect.stringContaining(message), level: 'WARNING' }]);
  });

  it('is not given for a pre-call that nobody uses', () => {
    expect(read({ ELEVENLABS_API_KEY: undefined, PRECALL_AGENT_IDS: undefined }).preCallWarnings).toEqual([]);
  });
});
