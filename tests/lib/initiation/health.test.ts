import { describe, expect, it } from 'vitest';
import type { AgentRulesApi } from '../../../src/lib/elevenlabs/agentRulesApi.ts';
import { ElevenLabsError } from '../../../src/lib/elevenlabs/errors.ts';
import { initiationHealth } from '../../../src/lib/initiation/health.ts';
import type { KnownAgents } from '../../../src/lib/initiation/knownAgents.ts';
import { openServices } from '../../../src/lib/services.ts';

const USED = {
  CallStorage: 'UseDevelopmentStorage=true',
  INITIATION_SECRET: 'bearer_of_the_test',
  ELEVENLABS_API_KEY: 'sk_of_the_test',
};

async function ask(settings: Record<string, string>, check: () => Promise<void> = async () => {}, minutes = [0]) {
  const { configuration, initiation } = openServices(settings);
  let now = 0;
  const api = { check } as unknown as AgentRulesApi;
  const agents = { api } as unknown as KnownAgents;
  const health = initiationHealth({
    configuration,
    initiation: initiation && { ...initiation, agents },
    now: () => now,
  });
  const answers = [];
  for (const minute of minutes) {
    now = minute * 60_000;
    answers.push(await health());
  }
  return answers.at(-1);
}

describe('the health of the initiation webhook', () => {
  it.each([
    ['without a secret', {}, { status: 'off' }],
    [
      'with a wrong setting',
      { ...USED, INITIATION_DEADLINE_MS: '5' },
      { status: 'not configured', settings: ['INITIATION_DEADLINE_MS'] },
    ],
    ['in order', USED, { status: 'healthy' }],
    [
      'without a key',
      { ...USED, ELEVENLABS_API_KEY: '' },
      { status: 'limited', reason: 'no_api_key', settings: ['ELEVENLABS_API_KEY'] },
    ],
    [
      'without a directory',
      { ...USED, CALLERS_STORAGE_PATH: '!' },
      { status: 'limited', reason: 'no_directory', settings: ['CALLERS_STORAGE_PATH'] },
    ],
    ['without storage', { ...USED, CallStorage: '' }, { status: 'limited', reason: 'no_directory' }],
  ])('%s', async (_what, settings, health) => {
    expect(await ask(settings as Record<string, string>)).toEqual(health);
  });

  it('says why ElevenLabs does not say what agents allow', async () => {
    const refuses = () =>
      Promise.reject(
        new ElevenLabsError({ reason: 'missing_permission', operation: 'GET /', status: 401, retryable: false }),
      );
    expect(await ask(USED, refuses)).toEqual({ status: 'limited', reason: 'missing_permission' });
    expect(await ask(USED, () => Promise.reject(new Error('gone')))).toEqual({
      status: 'limited',
      reason: 'upstream_unavailable',
    });
  });

  it('asks ElevenLabs at most once in five minutes', async () => {
    let asked = 0;
    const check = async () => void asked++;
    await ask(USED, check, [0, 1, 4.9, 5, 9]);
    expect(asked).toBe(2);
  });
});
