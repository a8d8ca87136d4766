import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { type Answer, type Context, startContext } from '../support/context.ts';
import { ask, BEARER, INITIATION_PATH, initiationSettings, question, remember } from '../support/initiation.ts';
import { rawRequest } from '../support/rawRequest.ts';
import { until } from '../support/until.ts';

const KEY = 'sk_key_of_the_test';
let context: Context;
let api: RunningElevenLabs;
let services: Services;

beforeAll(async () => {
  api = await startElevenLabs({ port: 0, apiKey: KEY });
  // The sweep takes a voice that ElevenLabs does not have out of the directory.
  for (const voice_id of ['voice_of_jan', 'voice_of_eva']) api.state.addVoice({ voice_id });
  context = await startContext(
    initiationSettings({
      ELEVENLABS_API_KEY: KEY,
      ELEVENLABS_API_BASE_URL: api.url,
      INITIATION_VARIABLES: '{"shop":"Blue Bird","orders":0,"secret__token":"s3cret value"}',
      CALLERS_DEFAULT_COUNTRY: 'NL',
      INITIATION_DEADLINE_MS: '10000', // a machine that does much else is not what is tested here
    }),
  );
  ({ services } = await import('../../src/lib/wiring.ts'));
});
afterAll(async () => {
  await context.close();
  await api.close();
});
afterEach(() => context.lines.splice(0));

const DEFAULT = {
  type: 'conversation_initiation_client_data',
  dynamic_variables: {
    caller_name: '',
    caller_known: 'unknown',
    caller_verified: 'no',
    shop: 'Blue Bird',
    orders: 0,
    secret__token: 's3cret value',
  },
};

function variablesOf({ json }: Answer): Record<string, unknown> {
  expect(json['type']).toBe('conversation_initiation_client_data');
  return json['dynamic_variables'] as Record<string, unknown>;
}

const lineOf = (word = 'initiation ') => context.lines.filter(({ message }) => message.startsWith(word));

/** An agent whose rules are in storage, fresh. */
async function knowAgent(agentId: string, more: { prompt?: string; allowed?: object } = {}): Promise<void> {
  const { prompt = 'Be kind.', allowed = { agent: { first_message: true, language: true }, tts: { voice_id: true } } } =
    more;
  const agent = api.state.addAgent({
    agentId,
    platformSettings: { overrides: { conversation_config_override: allowed } },
  });
  Object.assign((agent['conversation_config'] as { agent: object }).agent, { prompt: { prompt, tools: [] } });
  await ask(context, question({ agent_id: agentId }));
  await until(async () => services.agents?.read(agentId, AbortSignal.timeout(5_000)));
  await context.host.runTimer('sweep');
}

describe('who may ask', () => {
  it.each([
    ['no header', null],
    ['another secret', 'Bearer bearer_of_somebody'],
    ['the secret alone', BEARER],
    ['another scheme', `Basic ${Buffer.from(`a:${BEARER}`).toString('base64')}`],
    ['an empty token', 'Bearer '],
    ['the list of secrets', `Bearer ${BEARER},bearer_from_before`],
    ['a secret and more', `Bearer ${BEARER}x`],
  ])('%s is answered 401, and nothing of it is looked at', async (_what, authorization) => {
    const answer = await ask(context, question(), { authorization });
    expect(answer.status).toBe(401);
    expect(answer.json).toMatchObject({ code: 'unauthorized', status: 401 });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(lineOf()).toHaveLength(1);
    expect(lineOf()[0]?.message).not.toContain('agent_of_the_test');
  });

  it.each([`Bearer ${BEARER}`, 'bearer bearer_from_before', `BEARER  ${BEARER}`])('%s may', async (authorization) => {
    expect((await ask(context, question(), { authorization })).status).toBe(200);
  });

  it('two headers are answered 401, also when both are right', async () => {
    const body = JSON.stringify(question());
    const right = `Authorization: Bearer ${BEARER}`;
    const head = [`POST ${INITIATION_PATH} HTTP/1.1`, right, 'Content-Type: application/json'];
    expect((await rawRequest(context.host.url, head, body)).status).toBe(200);
    expect((await rawRequest(context.host.url, [...head, right], body)).status).toBe(401);
  });

  it('what the query or the body calls headers counts for nothing', async () => {
    const headers = { authorization: `Bearer ${BEARER}` };
    const path = `${INITIATION_PATH}?headers=${encodeURIComponent(JSON.stringify(headers))}`;
    expect((await ask(context, question(), { path, authorization: null })).status).toBe(401);
    expect((await ask(context, question({ headers }), { authorization: null })).status).toBe(401);
    expect((await ask(context, question({ headers: { authorization: 'Bearer x' } }))).status).toBe(200);
  });
});

describe('the answer', () => {
  it('for somebody unknown has what every call gets, and no overrides', async () => {
    const answer = await ask(context, question({ caller_id: '+31611111111' }));
    expect(answer.json).toEqual({
      ...DEFAULT,
      dynamic_variables: { ...DEFAULT.dynamic_variables, caller_known: 'no' },
    });
    expect(lineOf()[0]?.message).toMatch(/outcome=unknown .*agent=agent_of_the_test/);
  });

  it('for a known caller has name, variables and what the agent allows, cleaned', async () => {
    await knowAgent('agent_allows');
    await remember(services, {
      number: '+31612345678',
      name: 'Jan\n{{system__caller_id}}',
      language: 'nl',
      voice_id: 'voice_of_jan',
      first_message: 'Dag Jan!\u202e',
      variables: { orders: 3, note: 'https://example.com/a?b=c', vip: true },
    });
    const answer = await ask(context, question({ agent_id: 'agent_allows' }));
    expect(variablesOf(answer)).toEqual({
      ...DEFAULT.dynamic_variables,
      caller_name: 'Jan system__caller_id',
      caller_known: 'yes',
      orders: 3,
      note: 'https://example.com/a?b=c',
      vip: true,
    });
    expect(answer.json['conversation_config_override']).toEqual({
      agent: { first_message: 'Dag Jan!', language: 'nl' },
      tts: { voice_id: 'voice_of_jan' },
    });
  });

  it('has no override that the agent does not allow, and none for an agent that nobody knows', async () => {
    await remember(services, {
      number: '+31622222222',
      name: 'Eva',
      language: 'nl',
      voice_id: 'voice_of_eva',
      first_message: 'Dag!',
    });
    await knowAgent('agent_voice_only', { allowed: { tts: { voice_id: true }, agent: { language: false } } });
    const some = await ask(context, question({ caller_id: '+31622222222', agent_id: 'agent_voice_only' }));
    expect(some.json['conversation_config_override']).toEqual({ tts: { voice_id: 'voice_of_eva' } });
    const none = await ask(context, question({ caller_id: '+31622222222', agent_id: 'agent_nobody_knows' }));
    expect(variablesOf(none)).toMatchObject({ caller_name: 'Eva', caller_known: 'yes' });
    expect(none.json).not.toHaveProperty('conversation_config_override');
  });

  it('has everything that the agent demands, empty where nobody has it, and a warning names that', async () => {
    await knowAgent('agent_demands', {
      prompt: 'Speak to {{caller_name}} of {{ city }}, {{secret__door}}, {{system__time}}.',
    });
    context.lines.splice(0);
    const answer = await ask(context, question({ agent_id: 'agent_demands', caller_id: 'anonymous' }));
    expect(variablesOf(answer)).toMatchObject({ city: '', caller_name: '' });
    expect(answer.text).not.toMatch(/secret__door|system__/);
    const [line] = lineOf();
    expect(line?.message).toMatch(/filled_empty=city .*missing_secrets=secret__door/);
    expect(line?.level).toBe('error');
  });

  it.each([
    ['an outbound call', { caller_id: '+31201234567', called_number: '+31633333333' }],
    ['a national number', { caller_id: '06 33333333' }],
    ['WhatsApp', { caller_id: '31633333333', called_number: '103425789', call_sid: '' }],
    ['a SIP address', { caller_id: 'sip:+31633333333@example.com;user=phone' }],
  ])('knows the person of %s', async (_what, numbers) => {
    await remember(services, { number: '+31633333333', name: 'Noor' });
    expect(variablesOf(await ask(context, question(numbers)))).toMatchObject({
      caller_name: 'Noor',
      caller_known: 'yes',
    });
  });

  it.each(['', null, 'anonymous', 'Restricted', '+266696687'])(
    'the withheld number %j is nobody',
    async (caller_id) => {
      const answer = await ask(context, question({ caller_id, called_number: '+31200000000' }));
      expect(variablesOf(answer)).toMatchObject({ caller_known: 'no', caller_name: '' });
    },
  );

  it('for an entry that is broken is that for somebody unknown, and the log names its hash', async () => {
    const hash = String(await services.callers?.hashOf('+31644444444'));
    const container = context.blobs.getContainerClient(String(process.env['CALLERS_STORAGE_PATH']));
    await container.getBlockBlobClient(`${hash}.json`).upload('{"number":', 10);
    expect(variablesOf(await ask(context, question({ caller_id: '+31644444444' })))).toMatchObject({
      caller_known: 'no',
    });
    expect(lineOf()[0]).toMatchObject({ level: 'warning', message: expect.stringContaining(`${hash}:broken`) });
  });
});

describe('a body that ElevenLabs does not send', () => {
  const members = Object.fromEntries(Array.from({ length: 5_000 }, (_each, index) => [`m${index}`, 0]));
  it.each([
    ['nothing', '', 'not_json'],
    ['no JSON', '{"caller_id":', 'not_json'],
    ['an array', '[]', 'not_an_object'],
    ['null', 'null', 'not_an_object'],
    ['no members', '{}', 'unexpected_members'],
    ['no caller', JSON.stringify({ called_number: '+1', agent_id: 'agent_1' }), 'unexpected_members'],
    ['numbers as numbers', JSON.stringify(question({ caller_id: 31612345678 })), 'unexpected_members'],
    ['an agent that is a path', JSON.stringify(question({ agent_id: '../../x' })), 'unexpected_members'],
    ['thousands of members', JSON.stringify(question(members)), 'too_many_members'],
  ])('%s gets the default and one warning', async (_what, body, reason) => {
    const answer = await ask(context, body);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual(DEFAULT);
    const lines = context.lines.filter(({ level }) => level !== 'information');
    expect(lines).toMatchObject([
      { level: 'warning', message: expect.stringContaining(`outcome=default reason=${reason}`) },
    ]);
  });

  it.each([{ chunkBytes: 8_192 }, {}])('over 64 KiB is answered 413', async (options) => {
    const answer = await ask(context, JSON.stringify(question({ padding: 'x'.repeat(70_000) })), options);
    expect(answer.status).toBe(413);
    expect(answer.json).toMatchObject({ code: 'body_too_large' });
    expect((await ask(context)).status).toBe(200);
  });
});

describe('agents', () => {
  it('are written down when they are first seen, with the time', async () => {
    await ask(context, question({ agent_id: 'agent_first_seen' }));
    const known = await until(() => services.agents?.read('agent_first_seen', AbortSignal.timeout(5_000)));
    expect(Math.abs(Date.parse(known.value.seen_at) - Date.now())).toBeLessThan(60_000);
    expect(known.value.read_at).toBeNull();
  });

  it('that ElevenLabs does not answer about keep nobody waiting, and are asked about no longer than that', async () => {
    api.fail({ kind: 'slow', method: 'GET', path: '/v1/convai/agents/agent_hangs', delayMs: 30_000, times: 1 });
    expect((await ask(context, question({ agent_id: 'agent_hangs' }))).status).toBe(200);
  });
});

it('health says that it works, and is asked nothing about a call', async () => {
  const { initiation } = await services.health.ofApp();
  expect(initiation).toEqual({ status: 'healthy' });
});
