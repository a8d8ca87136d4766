import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ElevenLabsClient } from '../../src/lib/elevenlabs/client.ts';
import { preCallBody } from '../../tools/cli/send/preCallBody.ts';
import { type Context, newCall, send, startContext } from '../support/context.ts';

const {
  ELEVENLABS_API_KEY_LIVE: apiKey,
  ELEVENLABS_API_BASE_URL_LIVE: baseUrl = 'https://api.elevenlabs.io',
  ELEVENLABS_AGENT_ID_LIVE: agentId,
} = process.env;

const sample = readFileSync('examples/voice-samples/sample.wav');
const call = () => ({ signal: AbortSignal.timeout(60_000) });

test('there is a key of ElevenLabs to test with', () => {
  expect(apiKey, 'Set ELEVENLABS_API_KEY_LIVE; docs/pre-call.md says what the test does with it').toBeTruthy();
});

describe.runIf(apiKey)('the real ElevenLabs API', () => {
  const client = new ElevenLabsClient({ baseUrl, apiKey: apiKey ?? '' });
  const { conversation_id } = newCall();
  const made = new Set<string>();
  let context: Context;

  beforeAll(async () => {
    context = await startContext({
      ELEVENLABS_API_KEY: apiKey,
      ELEVENLABS_API_BASE_URL: baseUrl,
      PRECALL_AGENT_UPDATE: 'override',
      PRECALL_STATE_STORAGE_PATH: `precall-state-${conversation_id.replace(/\W|_/g, '-')}`,
    });
  });
  afterAll(async () => {
    for (const voiceId of made) await client.deleteVoice(voiceId, call());
    await client.close();
    await context.close();
  });

  const deliver = () => {
    const metadata = {
      type: 'pre_call',
      conversation_id,
      agent_id: agentId ?? 'agent_of_the_live_test',
      caller_metadata: { name: 'Live test' },
    };
    const { content } = preCallBody('pre-call', { metadata, sample, fileName: 'sample.wav' });
    return send(context, content, { path: '/elevenlabs/precall/webhook' });
  };

  test('the key may read voices, and tells how many slots are free when it may', async () => {
    const first = await client.findVoices({ pageSize: 1 }, call()).next();
    expect(first).toBeTruthy();
    const slots = await client.getSubscription(call()).catch((error: { reason: string }) => error.reason);
    if (typeof slots === 'string') expect(slots).toBe('missing_permission');
    else expect(slots.voiceSlotsUsed).toBeLessThan(slots.voiceLimit);
  });

  test('a sample becomes a voice with our labels, and the same delivery gets the same voice', async () => {
    const first = await deliver();
    const voiceId = first.json['voice_id'];
    if (typeof voiceId === 'string') made.add(voiceId);
    expect([first.status, first.text]).toEqual([200, expect.stringContaining('"status":"success"')]);
    const voice = await client.getVoice(String(voiceId), call());
    expect(voice).toMatchObject({
      name: first.json['voice_name'],
      category: 'cloned',
      labels: {
        made_by: 'elevenlabs-webhook',
        conversation: conversation_id,
        sample: expect.stringMatching(/^\w{32}$/),
      },
    });
    expect((await deliver()).json).toMatchObject({ voice_id: voiceId, status: 'success' });
  });

  test('the clone is found by its labels', async () => {
    const labels = { made_by: 'elevenlabs-webhook', conversation: conversation_id };
    await expect
      .poll(
        async () => {
          const found: string[] = [];
          for await (const { voiceId } of client.findVoices({ category: 'cloned', labels }, call()))
            found.push(voiceId);
          return found;
        },
        { timeout: 60_000, interval: 2_000 },
      )
      .toEqual([...made]);
  });

  test.runIf(agentId)('an agent gets another voice and greeting, and its own back', async () => {
    const id = String(agentId); // set, or the test would not run
    const own = await client.getAgent(id, call());
    const [voiceId] = made;
    try {
      const changed = await client.patchAgent({ agentId: id, voiceId, firstMessage: 'Live test' }, call());
      expect(changed).toMatchObject({ voiceId, firstMessage: 'Live test' });
    } finally {
      const { voiceId: ownVoice = null, firstMessage = null } = own;
      await client.patchAgent({ agentId: id, voiceId: ownVoice, firstMessage }, call());
    }
    expect(await client.getAgent(id, call())).toEqual(own);
  });

  test('a deleted voice is gone, and deleting it again does no harm', async () => {
    for (const voiceId of made) {
      await client.deleteVoice(voiceId, call());
      await expect(client.getVoice(voiceId, call())).rejects.toMatchObject({ reason: 'not_found' });
      await client.deleteVoice(voiceId, call());
    }
    made.clear();
  });
});
