import { expect, test } from 'vitest';
import { run } from './run.ts';

const APP = ['--url', 'https://app.example'];
const STAND_IN = { ELEVENLABS_API_BASE_URL: 'http://127.0.0.1:9' };
const LOCAL = ['--url', 'http://127.0.0.1:9'];

const cases: [string, string[], NodeJS.ProcessEnv, string][] = [
  ['no address', [], {}, '--url is needed'],
  ['an address without TLS', ['--url', 'http://app.example'], {}, 'https only'],
  ['the endpoint before the call', ['--url', 'https://app.example/elevenlabs/precall/webhook'], {}, 'before the call'],
  ['no place for the secret', APP, {}, '--vault NAME, or --print'],
  ['two places for it', [...APP, '--vault', 'kv-1', '--print'], {}, 'not both'],
  ['no name of a vault', [...APP, '--vault', 'kv-1.example.com/'], {}, 'not the name of a vault'],
  ['an address that ElevenLabs cannot reach', LOCAL, {}, 'docs/tunnel.md'],
  ['a secret that goes before the file', LOCAL, { ...STAND_IN, ELEVENLABS_WEBHOOK_SECRET: 'wsec_mine' }, 'unset it'],
  ['no key', [...APP, '--print'], {}, 'set ELEVENLABS_OPERATOR_API_KEY'],
  [
    'an agent of no usable id',
    [...APP, '--print', '--agent', 'agent_1', '--agent', "a'b"],
    {},
    "--agent a'b: not the id",
  ],
  ['an agent of no id at all', [...APP, '--print', '--agent', 'agent_1,'], {}, '--agent: an empty value'],
  [
    'an API that is none',
    [...APP, '--print'],
    { ELEVENLABS_API_BASE_URL: 'ftp://x' },
    'ELEVENLABS_API_BASE_URL must be',
  ],
];

test.concurrent.each(cases)('%s ends with 2 and says why', async (_name, args, environment, says) => {
  const { ended, text } = run(['tools/cli/connect.ts', ...args], environment);
  expect([await ended, text()]).toEqual([2, expect.stringContaining(says)]);
  expect(text()).not.toMatch(/^\s+at |wsec_mine/m);
});

test('--replace is --replace-webhook, where npm does not swallow it', async () => {
  const { ended, text } = run(['tools/cli/connect.ts', ...APP, '--print', '--replace', '--replcae'], {});
  expect([await ended, text()]).toEqual([2, expect.stringContaining('no option --replcae')]);
  const known = run(['tools/cli/connect.ts', ...APP, '--replace'], {});
  expect([await known.ended, known.text()]).toEqual([2, expect.stringContaining('--vault NAME, or --print')]);
});
