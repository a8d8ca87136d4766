import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/lib/settings/settings.ts';

const COMPLETE = {
  ELEVENLABS_WEBHOOK_SECRET: 'wsec_one',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
  ELEVENLABS_API_KEY: 'key',
};
/** Those that share with nobody. */
const OWN = ['QUARANTINE_STORAGE_PATH', 'INCOMING_STORAGE_PATH', 'STATE_STORAGE_PATH'];
const PRE_CALL = ['PRECALL_STATE_STORAGE_PATH', 'VOICE_SAMPLE_STORAGE_PATH'];
const SHARING = [
  'TRANSCRIPT_STORAGE_PATH',
  'CALL_FAILURE_STORAGE_PATH',
  'AUDIO_STORAGE_PATH',
  'OTHER_EVENTS_STORAGE_PATH',
];
const PLACES: readonly (readonly [string, string])[] = [
  ['calls/here', 'calls/here'],
  ['calls/here', 'calls'],
  ['calls', 'calls/here'],
  ['calls/a/b', 'calls/a'],
];
const pairsOf = (some: readonly string[], others: readonly string[]) =>
  some.flatMap((one) => others.filter((other) => other !== one).map((other) => [one, other] as const));
const read = (settings: Record<string, string>) => readSettings({ ...COMPLETE, ...settings });

describe('the same place, one in the other, or around it', () => {
  it.each(pairsOf([...OWN], SHARING))('is a problem of %s when it meets %s', (own, other) => {
    for (const [one, two] of PLACES) {
      const { problems } = read({ [own]: one, [other]: two });
      expect(problems).toEqual([{ setting: own, message: expect.stringContaining(other) }]);
    }
  });

  it.each(pairsOf(OWN, OWN))('is one problem when %s and %s meet', (one, other) => {
    const { problems } = read({ [one]: 'calls/here', [other]: 'calls' });
    expect(problems).toHaveLength(1);
    expect([one, other]).toContain(problems[0]?.setting);
  });

  it.each(pairsOf(PRE_CALL, [...OWN, ...SHARING, ...PRE_CALL]))(
    'is a problem of pre-call alone when %s meets %s',
    (one, other) => {
      const { problems, preCallProblems, postCall, preCall } = read({ [one]: 'calls/here', [other]: 'calls' });
      expect(problems).toEqual([]);
      expect(postCall).toBeDefined();
      expect(preCall).toBeUndefined();
      expect(preCallProblems).toHaveLength(1);
      expect(PRE_CALL).toContain(preCallProblems[0]?.setting);
    },
  );

  it.each(pairsOf(['CALLERS_STORAGE_PATH'], [...OWN, ...SHARING, ...PRE_CALL]))(
    'is a problem of the directory of callers alone when %s meets %s',
    (one, other) => {
      const { problems, preCallProblems, postCall, preCall, callers } = read({ [one]: 'calls/here', [other]: 'calls' });
      expect([problems, preCallProblems]).toEqual([[], []]);
      expect([postCall, preCall]).not.toContain(undefined);
      expect(callers.settings).toBeUndefined();
      expect(callers.problems).toEqual([{ setting: one, message: expect.stringContaining(other) }]);
    },
  );

  it('is a problem for transcripts and call failures, whose blobs have the same names', () => {
    for (const [one, two] of PLACES) {
      const { problems, postCall } = read({ CALL_FAILURE_STORAGE_PATH: one, TRANSCRIPT_STORAGE_PATH: two });
      expect(problems).toEqual([
        { setting: 'CALL_FAILURE_STORAGE_PATH', message: expect.stringContaining('TRANSCRIPT_STORAGE_PATH') },
      ]);
      expect(postCall).toBeUndefined();
    }
  });

  it.each([
    ['TRANSCRIPT_STORAGE_PATH', 'AUDIO_STORAGE_PATH'],
    ['CALL_FAILURE_STORAGE_PATH', 'AUDIO_STORAGE_PATH'],
    ['TRANSCRIPT_STORAGE_PATH', 'OTHER_EVENTS_STORAGE_PATH'],
    ['AUDIO_STORAGE_PATH', 'OTHER_EVENTS_STORAGE_PATH'],
  ])('does not exist for %s and %s, whose names cannot meet', (one, other) => {
    for (const [first, second] of PLACES) {
      const { problems, preCallProblems } = read({ [one]: first, [other]: second });
      expect([...problems, ...preCallProblems]).toEqual([]);
    }
  });
});

it('folders beside each other in one container are places of their own, also when one name begins with the other', () => {
  const settings = [...OWN, ...PRE_CALL, ...SHARING].map((name, index) => [name, `calls/a${'b'.repeat(index)}`]);
  const { problems, preCallProblems } = read(Object.fromEntries(settings));
  expect([...problems, ...preCallProblems]).toEqual([]);
});

it('STATE_STORAGE_PATH costs no delivery: the app does not write down how it is, and is red', () => {
  for (const value of ['incoming', 'Not A Container', '@Microsoft.KeyVault(SecretUri=x)']) {
    const { problems, postCall, preCall, state } = read({ STATE_STORAGE_PATH: value });
    expect(problems).toEqual([{ setting: 'STATE_STORAGE_PATH', message: expect.any(String) }]);
    expect([postCall, preCall].every((part) => part !== undefined)).toBe(true);
    expect(state).toBeUndefined();
  }
});
