import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiContext, all, failureOf, newVoice, SAMPLE, startApi } from './context.ts';

let context: ApiContext;
beforeAll(async () => {
  context = await startApi({ voiceLimit: 500 });
});
afterAll(() => context.close());
beforeEach(() => {
  context.api.state.clear();
  context.exchanges.length = 0;
});

describe('voices', () => {
  test('a clone arrives with its name, labels, file name, type and every byte of the sample', async () => {
    const added = await context.client.addVoice(newVoice(), context.call());
    const voice = context.api.state.voices.get(added.voiceId);
    expect(added.requiresVerification).toBe(false);
    expect(voice).toMatchObject({
      name: 'Ivan_Clone_20251210_123456',
      labels: { made_by: 'test', conversation: 'conv_1' },
    });
    const hash = createHash('sha256').update(SAMPLE).digest('hex');
    expect(voice?.samples).toMatchObject([
      { file_name: 'sample.wav', mime_type: 'audio/wav', size_bytes: SAMPLE.length, hash },
    ]);
  });

  test('names outside ASCII and with quotes arrive as they are', async () => {
    const { voiceId } = await context.client.addVoice(newVoice({ name: 'Zoë "Z" Ünal\r\n' }), context.call());
    expect(context.api.state.voices.get(voiceId)?.name).toBe('Zoë "Z" Ünal\r\n');
  });

  test('a file name cannot break out of its part', async () => {
    const fileName = 'a"; name="name"\r\n\r\nOther.wav';
    const { voiceId } = await context.client.addVoice(newVoice({ fileName }), context.call());
    expect(context.api.state.voices.get(voiceId)).toMatchObject({
      name: 'Ivan_Clone_20251210_123456',
      samples: [{ file_name: expect.stringContaining('%22; name=%22name%22%0D%0A') }],
    });
  });

  test('that a voice requires verification is said', async () => {
    context.api.state.requiresVerification = true;
    const added = await context.client.addVoice(newVoice(), context.call());
    context.api.state.requiresVerification = false;
    expect(added.requiresVerification).toBe(true);
  });

  test('a voice is found by its labels on whatever page it stands', async () => {
    for (let index = 0; index < 25; index++) context.api.state.addVoice({ labels: { conversation: `conv_${index}` } });
    const found = await all(
      context.client.findVoices({ labels: { conversation: 'conv_3' }, pageSize: 10 }, context.call()),
    );
    expect(found.map(({ labels }) => labels)).toEqual([{ conversation: 'conv_3' }]);
    expect(context.exchanges.length).toBe(3);
  });

  test('all labels asked for must be there', async () => {
    context.api.state.addVoice({ labels: { a: '1', b: '2' } });
    context.api.state.addVoice({ labels: { a: '1' } });
    expect(await all(context.client.findVoices({ labels: { a: '1', b: '2' } }, context.call()))).toHaveLength(1);
  });

  test('no page is asked for that nobody takes', async () => {
    for (let index = 0; index < 25; index++) context.api.state.addVoice();
    for await (const _voice of context.client.findVoices({ pageSize: 10 }, context.call())) break;
    expect(context.exchanges.length).toBe(1);
  });

  test('the category goes to ElevenLabs', async () => {
    context.api.state.addVoice({ name: 'Ivan', labels: { made_by: 'us' } });
    context.api.state.addVoice({ name: 'Rachel', category: 'premade' });
    const found = await all(context.client.findVoices({ category: 'cloned' }, context.call()));
    expect(found.map(({ name }) => name)).toEqual(['Ivan']);
    expect(context.api.state.requests[0]?.path).toBe('/v2/voices?page_size=100&category=cloned');
  });

  test('a voice is read with its creation time', async () => {
    const { voice_id } = context.api.state.addVoice({ name: 'Ivan', created_at_unix: 1_700_000_000 });
    expect(await context.client.getVoice(voice_id, context.call())).toEqual({
      voiceId: voice_id,
      name: 'Ivan',
      labels: {},
      category: 'cloned',
      createdAtSeconds: 1_700_000_000,
    });
  });

  test('a voice that is not there is not_found', async () => {
    const failure = await failureOf(context.client.getVoice('voice_0', context.call()));
    expect(failure).toMatchObject({ reason: 'not_found', status: 404, code: 'voice_not_found', retryable: false });
    expect(context.exchanges.length).toBe(1);
  });

  test('deleting deletes, and a voice that is not there counts as deleted', async () => {
    const { voice_id } = context.api.state.addVoice();
    await context.client.deleteVoice(voice_id, context.call());
    expect(context.api.state.voices.size).toBe(0);
    await context.client.deleteVoice(voice_id, context.call());
  });

  test('an id cannot leave its place in the path', async () => {
    await failureOf(context.client.getVoice('../user/subscription?x=', context.call()));
    expect(context.api.state.requests[0]?.path).toBe('/v1/voices/..%2Fuser%2Fsubscription%3Fx%3D');
  });
});

describe('agents', () => {
  test('voice and greeting are read from where they stand', async () => {
    context.api.state.addAgent({ agentId: 'agent_1', voiceId: 'voice_1', firstMessage: 'Hallo!' });
    expect(await context.client.getAgent('agent_1', context.call())).toEqual({
      agentId: 'agent_1',
      voiceId: 'voice_1',
      firstMessage: 'Hallo!',
    });
  });

  test('a change leaves everything else as it was', async () => {
    const before = structuredClone(context.api.state.addAgent({ agentId: 'agent_1' }));
    const after = await context.client.patchAgent(
      { agentId: 'agent_1', voiceId: 'voice_2', firstMessage: 'Hallo Ivan!' },
      context.call(),
    );
    expect(after).toEqual({ agentId: 'agent_1', voiceId: 'voice_2', firstMessage: 'Hallo Ivan!' });
    expect(context.api.state.agents.get('agent_1')?.['conversation_config']).toEqual({
      tts: { voice_id: 'voice_2', model_id: 'eleven_flash_v2_5', stability: 0.5 },
      agent: { first_message: 'Hallo Ivan!', language: 'nl', prompt: { prompt: 'Be kind.', tools: [] } },
      turn: { turn_timeout: 7 },
    });
    expect(context.api.state.agents.get('agent_1')?.['version_id']).not.toBe(before['version_id']);
  });

  test('only what is given is sent, and null clears', async () => {
    context.api.state.addAgent({ agentId: 'agent_1', voiceId: 'voice_1' });
    await context.client.patchAgent({ agentId: 'agent_1', firstMessage: null }, context.call());
    expect(context.api.state.requests[0]?.json).toEqual({ conversation_config: { agent: { first_message: null } } });
    expect(await context.client.getAgent('agent_1', context.call())).toMatchObject({
      voiceId: 'voice_1',
      firstMessage: undefined,
    });
  });

  test('an agent that is not there is not_found', async () => {
    expect(await failureOf(context.client.getAgent('agent_0', context.call()))).toMatchObject({
      reason: 'not_found',
      code: 'agent_not_found',
    });
    expect(
      await failureOf(context.client.patchAgent({ agentId: 'agent_0', voiceId: 'v' }, context.call())),
    ).toMatchObject({
      reason: 'not_found',
    });
  });
});

test('the subscription tells how many slots there are', async () => {
  context.api.state.addVoice();
  context.api.state.addVoice({ category: 'premade' });
  expect(await context.client.getSubscription(context.call())).toEqual({
    voiceSlotsUsed: 1,
    voiceLimit: 500,
    tier: 'creator',
    canClone: true,
  });
});

test('each exchange is told with its request id', async () => {
  await context.client.getSubscription(context.call());
  expect(context.exchanges).toEqual([
    {
      operation: 'GET /v1/user/subscription',
      tries: 1,
      status: 200,
      serverTime: expect.any(Number),
      durationMs: expect.any(Number),
      requestId: expect.stringMatching(/^req_/),
    },
  ]);
});

test('telemetry counts requests by their route, which holds no id, and measures a clone that was made', async () => {
  const names: string[] = [];
  const clones: number[] = [];
  const telemetry = {
    delivery: () => {},
    reconciled: () => {},
    initiated: () => {},
    cloned: (durationMs: number) => void clones.push(durationMs),
    dependency: ({ name }: { name: string }) => void names.push(name),
  };
  const { api, client, call, close } = await startApi({ voiceLimit: 1 }, { telemetry });
  try {
    const { voiceId } = await client.addVoice(newVoice(), call());
    await failureOf(client.addVoice(newVoice(), call()));
    await client.getVoice(voiceId, call());
    await client.deleteVoice(voiceId, call());
    const agentId = 'agent_1';
    api.state.addAgent({ agentId });
    await client.getAgent(agentId, call());
    await client.patchAgent({ agentId, firstMessage: 'Hello' }, call());
  } finally {
    await close();
  }
  const add = 'POST /v1/voices/add';
  const [voice, agent] = ['/v1/voices/{id}', '/v1/convai/agents/{id}'];
  expect(names).toEqual([add, add, `GET ${voice}`, `DELETE ${voice}`, `GET ${agent}`, `PATCH ${agent}`]);
  expect(clones).toHaveLength(1);
});
