import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiWorld, all, failureOf, newVoice, SAMPLE, startApi } from './world.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await startApi({ voiceLimit: 500 });
});
afterAll(() => world.close());
beforeEach(() => {
  world.api.state.clear();
  world.exchanges.length = 0;
});

describe('voices', () => {
  test('a clone arrives with its name, labels, file name, type and every byte of the sample', async () => {
    const added = await world.client.addVoice(
      newVoice({ description: 'Made for a call', removeBackgroundNoise: true }),
      world.call(),
    );
    const voice = world.api.state.voices.get(added.voiceId);
    expect(added.requiresVerification).toBe(false);
    expect(voice).toMatchObject({
      name: 'Ivan_Clone_20251210_123456',
      labels: { made_by: 'test', conversation: 'conv_1' },
      description: 'Made for a call',
    });
    const hash = createHash('sha256').update(SAMPLE).digest('hex');
    expect(voice?.samples).toMatchObject([
      { file_name: 'sample.wav', mime_type: 'audio/wav', size_bytes: SAMPLE.length, hash },
    ]);
  });

  test('names outside ASCII and with quotes arrive as they are', async () => {
    const { voiceId } = await world.client.addVoice(newVoice({ name: 'Zoë "Z" Ünal\r\n' }), world.call());
    expect(world.api.state.voices.get(voiceId)?.name).toBe('Zoë "Z" Ünal\r\n');
  });

  test('a file name cannot break out of its part', async () => {
    const fileName = 'a"; name="name"\r\n\r\nOther.wav';
    const { voiceId } = await world.client.addVoice(newVoice({ fileName }), world.call());
    expect(world.api.state.voices.get(voiceId)).toMatchObject({
      name: 'Ivan_Clone_20251210_123456',
      samples: [{ file_name: expect.stringContaining('%22; name=%22name%22%0D%0A') }],
    });
  });

  test('that a voice requires verification is said', async () => {
    world.api.state.requiresVerification = true;
    const added = await world.client.addVoice(newVoice(), world.call());
    world.api.state.requiresVerification = false;
    expect(added.requiresVerification).toBe(true);
  });

  test('a voice is found by its labels on whatever page it stands', async () => {
    for (let index = 0; index < 25; index++) world.api.state.addVoice({ labels: { conversation: `conv_${index}` } });
    const found = await all(
      world.client.findVoices({ labels: { conversation: 'conv_3' }, pageSize: 10 }, world.call()),
    );
    expect(found.map(({ labels }) => labels)).toEqual([{ conversation: 'conv_3' }]);
    expect(world.exchanges.length).toBe(3);
  });

  test('all labels asked for must be there', async () => {
    world.api.state.addVoice({ labels: { a: '1', b: '2' } });
    world.api.state.addVoice({ labels: { a: '1' } });
    expect(await all(world.client.findVoices({ labels: { a: '1', b: '2' } }, world.call()))).toHaveLength(1);
  });

  test('no page is asked for that nobody takes', async () => {
    for (let index = 0; index < 25; index++) world.api.state.addVoice();
    for await (const _voice of world.client.findVoices({ pageSize: 10 }, world.call())) break;
    expect(world.exchanges.length).toBe(1);
  });

  test('search, category and type go to ElevenLabs', async () => {
    world.api.state.addVoice({ name: 'Ivan', labels: { made_by: 'us' } });
    world.api.state.addVoice({ name: 'Rachel', category: 'premade' });
    const search = { search: 'us', category: 'cloned', voiceType: 'personal' };
    const found = await all(world.client.findVoices(search, world.call()));
    expect(found.map(({ name }) => name)).toEqual(['Ivan']);
    expect(world.api.state.requests[0]?.path).toBe(
      '/v2/voices?page_size=100&search=us&category=cloned&voice_type=personal',
    );
  });

  test('a voice is read with its creation time', async () => {
    const { voice_id } = world.api.state.addVoice({ name: 'Ivan', created_at_unix: 1_700_000_000 });
    expect(await world.client.getVoice(voice_id, world.call())).toEqual({
      voiceId: voice_id,
      name: 'Ivan',
      labels: {},
      category: 'cloned',
      createdAtSeconds: 1_700_000_000,
    });
  });

  test('a voice that is not there is not_found', async () => {
    const failure = await failureOf(world.client.getVoice('voice_0', world.call()));
    expect(failure).toMatchObject({ reason: 'not_found', status: 404, code: 'voice_not_found', retryable: false });
    expect(world.exchanges.length).toBe(1);
  });

  test('deleting deletes, and a voice that is not there counts as deleted', async () => {
    const { voice_id } = world.api.state.addVoice();
    await world.client.deleteVoice(voice_id, world.call());
    expect(world.api.state.voices.size).toBe(0);
    await world.client.deleteVoice(voice_id, world.call());
  });

  test('an id cannot leave its place in the path', async () => {
    await failureOf(world.client.getVoice('../user/subscription?x=', world.call()));
    expect(world.api.state.requests[0]?.path).toBe('/v1/voices/..%2Fuser%2Fsubscription%3Fx%3D');
  });
});

describe('agents', () => {
  test('voice and greeting are read from where they stand', async () => {
    world.api.state.addAgent({ agentId: 'agent_1', voiceId: 'voice_1', firstMessage: 'Hallo!' });
    expect(await world.client.getAgent('agent_1', world.call())).toEqual({
      agentId: 'agent_1',
      voiceId: 'voice_1',
      firstMessage: 'Hallo!',
    });
  });

  test('a change leaves everything else as it was', async () => {
    const before = structuredClone(world.api.state.addAgent({ agentId: 'agent_1' }));
    const after = await world.client.patchAgent(
      { agentId: 'agent_1', voiceId: 'voice_2', firstMessage: 'Hallo Ivan!' },
      world.call(),
    );
    expect(after).toEqual({ agentId: 'agent_1', voiceId: 'voice_2', firstMessage: 'Hallo Ivan!' });
    expect(world.api.state.agents.get('agent_1')?.['conversation_config']).toEqual({
      tts: { voice_id: 'voice_2', model_id: 'eleven_flash_v2_5', stability: 0.5 },
      agent: { first_message: 'Hallo Ivan!', language: 'nl', prompt: { prompt: 'Be kind.', tools: [] } },
      turn: { turn_timeout: 7 },
    });
    expect(world.api.state.agents.get('agent_1')?.['version_id']).not.toBe(before['version_id']);
  });

  test('only what is given is sent, and null clears', async () => {
    world.api.state.addAgent({ agentId: 'agent_1', voiceId: 'voice_1' });
    await world.client.patchAgent({ agentId: 'agent_1', firstMessage: null }, world.call());
    expect(world.api.state.requests[0]?.json).toEqual({ conversation_config: { agent: { first_message: null } } });
    expect(await world.client.getAgent('agent_1', world.call())).toMatchObject({
      voiceId: 'voice_1',
      firstMessage: undefined,
    });
  });

  test('an agent that is not there is not_found', async () => {
    expect(await failureOf(world.client.getAgent('agent_0', world.call()))).toMatchObject({
      reason: 'not_found',
      code: 'agent_not_found',
    });
    expect(await failureOf(world.client.patchAgent({ agentId: 'agent_0', voiceId: 'v' }, world.call()))).toMatchObject({
      reason: 'not_found',
    });
  });
});

test('the subscription tells how many slots there are', async () => {
  world.api.state.addVoice();
  world.api.state.addVoice({ category: 'premade' });
  expect(await world.client.getSubscription(world.call())).toEqual({
    tier: 'creator',
    voiceSlotsUsed: 1,
    voiceLimit: 500,
    canClone: true,
  });
});

test('each exchange is told with its request id', async () => {
  await world.client.getSubscription(world.call());
  expect(world.exchanges).toEqual([
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
