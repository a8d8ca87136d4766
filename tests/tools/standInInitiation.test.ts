import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';

let api: RunningElevenLabs;
let webhook: Server;
let answer: { status?: number; body: string };
let asked: { authorization: string | undefined; body: unknown }[] = [];

beforeAll(async () => {
  api = await startElevenLabs({ port: 0 });
  webhook = createServer(async (request, response) => {
    asked.push({ authorization: request.headers.authorization, body: await json(request) });
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  webhook.close();
  await api.close();
});
beforeEach(() => {
  api.state.clear();
  asked = [];
  api.state.workspace.workspaceSecrets.set('secret_1', 'Bearer of_the_test');
  const { port } = webhook.address() as AddressInfo;
  api.state.workspace.settings = {
    conversation_initiation_client_data_webhook: {
      url: `http://127.0.0.1:${port}/`,
      request_headers: { Authorization: { secret_id: 'secret_1' } },
    },
  };
  addAgent();
});

function addAgent(flag = true): void {
  api.state.addAgent({
    agentId: 'agent_1',
    firstMessage: 'Hello {{caller_name}}',
    platformSettings: {
      overrides: {
        enable_conversation_initiation_client_data_from_webhook: flag,
        conversation_config_override: { tts: { voice_id: true }, agent: { language: false } },
      },
    },
  });
}

async function call(given?: object): Promise<{ conversation_id: string; initiation: Record<string, unknown> }> {
  if (given !== undefined) answer = { body: JSON.stringify(given) };
  const body = JSON.stringify({ agentId: 'agent_1', callerId: '+12025550143', calledNumber: '+12025550100' });
  const response = await fetch(`${api.url}/__incoming`, { method: 'POST', body });
  return (await response.json()) as Awaited<ReturnType<typeof call>>;
}

const type = 'conversation_initiation_client_data';
const named = { caller_name: 'Ada' };

describe('before a simulated call the stand-in', () => {
  test('asks as ElevenLabs does, and the call has what was answered', async () => {
    const good = { type, dynamic_variables: named, conversation_config_override: { tts: { voice_id: 'voice_1' } } };
    const { conversation_id, initiation } = await call(good);
    expect(initiation).toMatchObject({ kind: 'started' });
    expect(asked).toEqual([
      {
        authorization: 'Bearer of_the_test',
        body: {
          caller_id: '+12025550143',
          called_number: '+12025550100',
          agent_id: 'agent_1',
          call_sid: expect.stringMatching(/^CA/),
          conversation_id,
        },
      },
    ]);
    const detail = JSON.parse(String(api.state.conversations.get(conversation_id)?.detail));
    expect(detail.conversation_initiation_client_data.dynamic_variables).toEqual(named);
  });

  test('asks nobody as long as the flag of the agent is off', async () => {
    addAgent(false);
    expect((await call({})).initiation).toEqual({ kind: 'not-asked' });
    expect(asked).toEqual([]);
  });

  test.each<[string, object, number]>([
    ['without a type', { dynamic_variables: named }, 1011],
    ['without a variable that the agent uses', { type, dynamic_variables: {} }, 1008],
    ['with null', { type, dynamic_variables: { caller_name: null } }, 1011],
    ['with a variable of the system', { type, dynamic_variables: { ...named, system__time: 'x' } }, 1011],
    [
      'with an override that is not allowed',
      { type, dynamic_variables: named, conversation_config_override: { agent: { language: 'nl' } } },
      1011,
    ],
    [
      'with an empty override',
      { type, dynamic_variables: named, conversation_config_override: { tts: { voice_id: '' } } },
      1011,
    ],
  ])('lets no call begin %s', async (_what, given, code) => {
    const { conversation_id, initiation } = await call(given);
    expect(initiation).toMatchObject({ kind: 'failed', code });
    expect(api.state.conversations.get(conversation_id)?.listed).toMatchObject({ status: 'failed' });
  });

  test('lets no call begin with an answer that is not 200, or not JSON', async () => {
    answer = { status: 503, body: '{}' };
    expect((await call()).initiation).toMatchObject({ kind: 'failed' });
    answer = { body: 'no' };
    expect((await call()).initiation).toMatchObject({ kind: 'failed' });
  });
});
