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

it('the directory of callers has a place, a country, and is written by pre-call when it is to', () => {
  const { callers } = read({
    CALLERS_STORAGE_PATH: 'people/known',
    CALLERS_DEFAULT_COUNTRY: ' nl ',
    REMEMBER_CALLERS: 'True',
  });
  expect(callers.settings).toEqual({
    path: { container: 'people', prefix: 'known/' },
    country: 'NL',
    remembers: true,
  });
});

describe('a problem of the directory costs nothing else', () => {
  it.each([
    ['CALLERS_STORAGE_PATH', '_', 'container name'],
    ['CALLERS_DEFAULT_COUNTRY', 'Netherlands', 'two letters'],
    ['CALLERS_DEFAULT_COUNTRY', 'XX', 'two letters'],
    ['CALLERS_DEFAULT_COUNTRY', '@Microsoft.KeyVault(VaultName=v;SecretName=s)', 'Key Vault'],
    ['REMEMBER_CALLERS', 'yes', 'true or false'],
  ])('%s may not be %j', (setting, value, message) => {
    const { postCall, preCall, problems, preCallProblems, reconciliation, callers } = read({ [setting]: value });
    expect(callers).toEqual({
      settings: undefined,
      problems: [{ setting, message: expect.stringContaining(message) }],
      warnings: [],
    });
    expect([problems, preCallProblems, reconciliation.problems]).toEqual([[], [], []]);
    expect([postCall, preCall]).not.toContain(undefined);
  });
});

it('to remember callers is a warning', () => {
  const { preCall, preCallWarnings } = read({ REMEMBER_CALLERS: 'true' });
  expect(preCall).toBeDefined();
  expect(preCallWarnings).toEqual([
    { setting: 'REMEMBER_CALLERS', message: expect.stringContaining('voices of callers'), level: 'WARNING' },
  ]);
});

it('to remember callers and to delete their voices is a problem of pre-call alone', () => {
  const { postCall, preCall, problems, preCallProblems, callers } = read({
    REMEMBER_CALLERS: 'true',
    VOICE_CLONE_AUTO_DELETE: 'true',
  });
  expect(preCallProblems).toEqual([
    { setting: 'REMEMBER_CALLERS', message: expect.stringContaining('VOICE_CLONE_AUTO_DELETE') },
  ]);
  expect([problems, callers.problems]).toEqual([[], []]);
  expect(postCall).toBeDefined();
  expect(preCall).toBeUndefined();
});
