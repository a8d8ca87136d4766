import { expect, it } from 'vitest';
import { readSettings } from '../../../src/lib/settings/settings.ts';

const withAgents = (PRECALL_AGENT_IDS: string | undefined) =>
  readSettings({
    ELEVENLABS_WEBHOOK_SECRET: 'wsec_0123456789abcdef',
    CallStorage: 'UseDevelopmentStorage=true',
    ELEVENLABS_API_KEY: 'sk_test_0123456789abcdef',
    PRECALL_AGENT_IDS,
  });

it.each<[string | undefined, readonly string[]]>([
  [undefined, []],
  ['', []],
  ['agent_1', ['agent_1']],
  ['agent_1,agent-2', ['agent_1', 'agent-2']],
  [' agent_1 , agent_2 ', ['agent_1', 'agent_2']],
])('PRECALL_AGENT_IDS=%j is for the agents %j, none named for all', (value, expected) => {
  const { preCall, preCallProblems } = withAgents(value);
  expect(preCallProblems).toEqual([]);
  expect(preCall?.agentIds).toEqual(expected);
});

it.each([',', ' ', 'agent_1,', 'agent_1;agent_2', 'agent 1', 'agent/1', 'ägent'])(
  'PRECALL_AGENT_IDS=%j is a problem of pre-call, lest it mean all agents',
  (value) => {
    const { postCall, preCall, preCallProblems } = withAgents(value);
    expect(preCallProblems).toEqual([
      { setting: 'PRECALL_AGENT_IDS', message: expect.stringContaining('separated by commas') },
    ]);
    expect([preCall, postCall === undefined]).toEqual([undefined, false]);
  },
);
