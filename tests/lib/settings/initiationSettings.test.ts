import { describe, expect, it } from 'vitest';
import { readInitiationSettings } from '../../../src/lib/settings/initiationSettings.ts';

const KEY = { ELEVENLABS_API_KEY: 'sk_of_the_test' };
const USED = { INITIATION_SECRET: 'bearer_of_the_test', ...KEY };
const read = (more: Record<string, string> = {}) => readInitiationSettings({ ...USED, ...more });

describe('the settings of the initiation webhook', () => {
  it('have defaults for all but the secret', () => {
    expect(read()).toEqual({
      isUsed: true,
      settings: { secrets: ['bearer_of_the_test'], deadlineMs: 900, variables: {} },
      elevenLabs: { apiKey: 'sk_of_the_test', baseUrl: 'https://api.elevenlabs.io' },
      problems: [],
      warnings: [],
    });
  });

  it('without the secret are not used, which is no reason to warn', () => {
    const { isUsed, settings, problems, warnings, elevenLabs } = readInitiationSettings(KEY);
    expect({ isUsed, settings, warnings }).toEqual({ isUsed: false, settings: undefined, warnings: [] });
    expect(problems).toMatchObject([{ setting: 'INITIATION_SECRET', message: expect.stringMatching(/^is required/) }]);
    expect(elevenLabs).toBeDefined();
  });

  it.each([
    ['INITIATION_SECRET', 'bearer_1234,'],
    ['INITIATION_SECRET', 'short'],
    ['INITIATION_SECRET', 'bearer 1234'],
    ['INITIATION_SECRET', 'geheimnis_ä'],
    ['INITIATION_SECRET', 'bearer_1,bearer_2,bearer_3,bearer_4,bearer_5'],
    ['INITIATION_SECRET', '<bearer_secret>'],
    ['INITIATION_SECRET', '@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/a)'],
    ['INITIATION_SECRET', 'wsec_local_development_only'],
    ['INITIATION_SECRET', 'initiation_local_development_only'],
    ['INITIATION_DEADLINE_MS', '99'],
    ['INITIATION_DEADLINE_MS', '10001'],
    ['INITIATION_DEADLINE_MS', 'soon'],
    ['INITIATION_VARIABLES', '{'],
    ['INITIATION_VARIABLES', '[]'],
    ['INITIATION_VARIABLES', '{"a":null}'],
    ['INITIATION_VARIABLES', '{"a":{"b":1}}'],
    ['INITIATION_VARIABLES', '{"":1}'],
    ['INITIATION_VARIABLES', '{"a b":1}'],
    ['INITIATION_VARIABLES', '@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/a)'],
  ])('%s cannot be %s, which the problem does not repeat', (setting, value) => {
    const { settings, problems } = read({ [setting]: value });
    expect(settings).toBeUndefined();
    expect(problems.map((problem) => problem.setting)).toEqual([setting]);
    expect(problems[0]?.message).not.toContain(value);
  });

  it('take up to four secrets, and the development one where npm start uses it', () => {
    expect(read({ INITIATION_SECRET: 'bearer_1,bearer_2,bearer_3,bearer_4' }).settings?.secrets).toHaveLength(4);
    const local = { ELEVENLABS_WEBHOOK_LOCAL_RUNNER: 'true', INITIATION_SECRET: 'initiation_local_development_only' };
    expect(read(local).settings).toBeDefined();
  });

  it('leave out variables whose names are taken, and say so', () => {
    const given = '{"shop":"x","vip":true,"orders":1.5,"secret__a":"b","system__time":"x","caller_known":"yes"}';
    const { settings, warnings } = read({ INITIATION_VARIABLES: given });
    expect(settings?.variables).toEqual({ shop: 'x', vip: true, orders: 1.5, secret__a: 'b' });
    expect(warnings).toMatchObject([{ setting: 'INITIATION_VARIABLES', level: 'WARNING' }]);
  });

  it.each([
    ['ELEVENLABS_API_KEY', { ELEVENLABS_API_KEY: 'with a space' }],
    [
      'ELEVENLABS_API_KEY',
      { ELEVENLABS_API_KEY: '@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/a)' },
    ],
    ['ELEVENLABS_API_KEY', { ELEVENLABS_API_BASE_URL: 'http://example.com' }],
    ['INITIATION_SECRET', { ELEVENLABS_WEBHOOK_SECRET: 'other_secret,bearer_of_the_test' }],
    ['INITIATION_SECRET', { ELEVENLABS_PRECALL_WEBHOOK_SECRET: 'bearer_of_the_test' }],
  ])('work with a warning about %s for %j', (setting, more) => {
    const { settings, warnings } = read(more as Record<string, string>);
    expect(settings).toBeDefined();
    expect(warnings.map((warning) => warning.setting)).toEqual([setting]);
  });
});
