import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from './run.ts';
import { type Served, serve } from './served.ts';

const voices = 'examples/voice-samples';

async function send({ url }: Served, ...args: string[]) {
  const { ended, text } = run(['tools/cli/send.ts', ...args, '--url', url]);
  return { code: await ended, text: text() };
}

/** The answers of `send --json`. */
function answersIn(text: string): { status: number; answer: Record<string, unknown> }[] {
  const { deliveries } = JSON.parse(text) as { deliveries: { status: number; answer: string }[] };
  return deliveries.map(({ status, answer }) => ({ status, answer: JSON.parse(answer) }));
}

async function standIn({ served }: Served) {
  const state = /http:\S+\/__state/.exec(served.text())?.[0] ?? '';
  return (await (await fetch(state)).json()) as {
    voices: { voice_id: string; samples: { mime_type: string }[] }[];
    agents: { agent_id: string; conversation_config: { tts: object; agent: object } }[];
  };
}

describe('npm start without a key', () => {
  let app: Served;
  beforeAll(async () => {
    app = await serve();
  });
  afterAll(() => app.stop());

  test('says that ElevenLabs is a stand-in, and how to send to it', () => {
    expect(app.served.text()).toMatch(
      /ElevenLabs +stand-in at http:\/\/127\.0\.0\.1:\d+, no account needed; set ELEVENLABS_API_KEY for the real one/,
    );
    expect(app.served.text()).toContain(`npm run send -- pre-call --url ${app.url}`);
    expect(app.served.text()).not.toContain('key_of_the_stand_in');
  });

  test('is healthy, pre-call included', async () => {
    const answer = await (await fetch(`${app.url}/health`)).json();
    expect(answer).toMatchObject({ status: 'healthy', 'elevenlabs-precall-webhook': { status: 'healthy' } });
  });

  const samples = ['sample.wav', 'sample.mp3', 'sample-vbr.mp3', 'sample-vorbis.ogg', 'sample-opus.ogg'];
  const cases = samples.flatMap((sample) => [['pre-call', sample] as const, ['pre-call-multipart', sample] as const]);
  test.each(cases)('%s with %s gives a voice, and the agent has it', async (form, sample) => {
    const conversation = `conv_${form}_${sample}`.replace(/\W/g, '_');
    const options = ['--sample', `${voices}/${sample}`, '--conversation', conversation, '--json'];
    const { code, text } = await send(app, form, ...options);
    expect([code, text]).toEqual([0, expect.stringContaining('"status":200')]);
    const [first] = answersIn(text);
    expect(first?.answer).toMatchObject({
      status: 'success',
      conversation_id: conversation,
      agent_updated: true,
      caller_info: { Name: 'Robin', DateOfBirth: '11.12.1987' },
    });
    const { agents } = await standIn(app);
    expect(agents).toMatchObject([
      {
        agent_id: 'agent_6801bluebirdcyclesdesk0x4f',
        conversation_config: {
          tts: { voice_id: first?.answer['voice_id'] },
          agent: { first_message: 'Hallo Robin, fijn dat je belt!' },
        },
      },
    ]);
  });

  test('a sample that came in both forms is one clone', async () => {
    const { voices } = await standIn(app);
    expect(voices.map(({ samples }) => samples[0]?.mime_type).sort()).toEqual([
      ...['audio/mpeg', 'audio/mpeg', 'audio/ogg', 'audio/ogg', 'audio/wav'],
    ]);
  });

  test('--twice gets the same answer', async () => {
    const { code, text } = await send(app, 'pre-call', '--twice', '--json');
    const [first, second] = answersIn(text).map(({ answer }) => answer['voice_id']);
    expect([code, second]).toEqual([0, first]);
  });

  const modes = ['--tamper', '--stale', '--future', '--invalid', '--chunked'];
  test.each(modes.flatMap((mode) => [['pre-call', mode] as const, ['pre-call-multipart', mode] as const]))(
    '%s %s gets the answer that it expects',
    async (form, mode) => {
      expect(await send(app, form, mode)).toMatchObject({ code: 0, text: expect.stringContaining('as expected') });
    },
  );

  test('a sample that is too short is refused', async () => {
    const { code, text } = await send(app, 'pre-call', '--sample', `${voices}/too-short.wav`, '--expect', '400');
    expect([code, text]).toEqual([0, expect.stringContaining('"reason":"sample_too_short"')]);
  });
});

describe('npm start with a key', () => {
  test('leaves the API to the settings and names its address, never the key', async () => {
    const seen: unknown[] = [];
    const api = createServer((request, response) => {
      seen.push(request.headers['xi-api-key']);
      response.setHeader('content-type', 'application/json').end('{"voices":[],"has_more":false}');
    }).listen(0, '127.0.0.1');
    await once(api, 'listening');
    const base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const app = await serve({ ELEVENLABS_API_KEY: 'key_of_the_user', ELEVENLABS_API_BASE_URL: base });
    try {
      expect(app.served.text()).toContain(`${base} (key from ELEVENLABS_API_KEY)`);
      expect(app.served.text()).not.toContain('key_of_the_user');
      expect(app.served.text()).not.toContain('stand-in');
      await fetch(`${app.url}/health`);
      expect([...new Set(seen)]).toEqual(['key_of_the_user']);
    } finally {
      await app.stop();
      api.close();
    }
  });

  test('one that is set to nothing switches pre-call off', async () => {
    const app = await serve({ ELEVENLABS_API_KEY: '' });
    try {
      expect(app.served.text()).toContain('pre-call is answered 503 until ELEVENLABS_API_KEY is set');
      const { code, text } = await send(app, 'pre-call', '--expect', '503');
      expect([code, text]).toEqual([0, expect.stringContaining('"error_code":"NOT_CONFIGURED"')]);
    } finally {
      await app.stop();
    }
  });
});

test('pre-call has its own secret when there is one, for the app and for send', async () => {
  const secrets = {
    ELEVENLABS_WEBHOOK_SECRET: 'wsec_post',
    ELEVENLABS_PRECALL_WEBHOOK_SECRET: 'wsec_pre_new,wsec_pre_old',
  };
  const app = await serve({ ...secrets, PRECALL_AGENT_UPDATE: 'override' });
  const attempt = async (event: string, environment: NodeJS.ProcessEnv, ...options: string[]) => {
    const { ended, text } = run(['tools/cli/send.ts', event, '--url', app.url, ...options], environment);
    return [await ended, text()];
  };
  try {
    expect(app.served.text()).toContain('of pre-call from ELEVENLABS_PRECALL_WEBHOOK_SECRET');
    expect(app.served.text()).not.toContain('wsec_');
    const overridden = expect.stringContaining('"conversation_initiation_client_data":');
    expect(await attempt('pre-call', secrets)).toEqual([0, overridden]);
    expect(await attempt('post_call_transcription', secrets)).toMatchObject([0, expect.anything()]);
    const usual = { ELEVENLABS_WEBHOOK_SECRET: 'wsec_post' };
    expect(await attempt('pre-call-multipart', usual, '--expect', '401')).toMatchObject([0, expect.anything()]);
    const given = ['--secret', 'wsec_pre_old'];
    expect(await attempt('pre-call-multipart', usual, ...given)).toEqual([0, overridden]);
  } finally {
    await app.stop();
  }
});
