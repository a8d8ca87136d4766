import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addConversation } from '../../tools/local/elevenlabs/conversations.ts';
import type { Fault } from '../../tools/local/elevenlabs/faults.ts';
import { keepCall } from '../../tools/local/elevenlabs/keptCalls.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';

let api: RunningElevenLabs;
beforeAll(async () => {
  api = await startElevenLabs({ port: 0, voiceLimit: 3, apiKey: 'key' });
});
afterAll(() => api.close());
beforeEach(() => {
  api.state.clear();
  api.clearFaults();
});

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly json: { [name: string]: unknown; detail?: unknown };
}

async function ask(path: string, init: RequestInit = {}): Promise<Told> {
  const headers = { 'xi-api-key': 'key', ...init.headers };
  const answer = await fetch(api.url + path, { redirect: 'manual', ...init, headers });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: text.startsWith('{') ? JSON.parse(text) : {} };
}

function form(parts: Record<string, string | Blob | File>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(parts)) made.append(name, value);
  return made;
}

const wav = (text = 'RIFF') => new File([text], 'sample.wav', { type: 'audio/wav' });
const add = (parts: Record<string, string | Blob | File>) =>
  ask('/v1/voices/add', { method: 'POST', body: form({ name: 'Ivan', files: wav(), ...parts }) });

describe('adding a voice', () => {
  test('gives an id, and the voice is there', async () => {
    const { status, json, headers } = await add({ labels: '{"language":"nl"}' });
    expect(status).toBe(200);
    expect(json).toEqual({ voice_id: expect.any(String), requires_verification: false });
    expect(headers.get('request-id')).toMatch(/^req_/);
    expect((await ask(`/v1/voices/${json['voice_id']}`)).json).toMatchObject({
      name: 'Ivan',
      category: 'cloned',
      labels: { language: 'nl' },
      samples: [{ file_name: 'sample.wav', mime_type: 'audio/wav', size_bytes: 4 }],
    });
  });

  const malformed: [string, Record<string, string | Blob | File>, unknown[]][] = [
    ['no name', { name: '' }, ['body', 'name']],
    ['a file part that is text', { files: 'RIFF' }, ['body', 'files', 0]],
    ['a file without a type', { files: new File(['RIFF'], 'sample.wav') }, ['body', 'files', 0]],
    ['labels that are not an object', { labels: '[1]' }, ['body', 'labels']],
  ];
  test.each(malformed)('%s is refused in the array form', async (_name, parts, loc) => {
    const { status, json } = await add(parts);
    expect(status).toBe(422);
    expect(json).toEqual({ detail: [{ loc, msg: expect.any(String), type: expect.any(String) }] });
    expect(api.state.voices.size).toBe(0);
  });

  test('a body that is not a form is refused', async () => {
    expect((await ask('/v1/voices/add', { method: 'POST', body: '{}' })).status).toBe(422);
  });

  test('the same file twice in one request is refused', async () => {
    const twice = form({ name: 'Ivan', files: wav() });
    twice.append('files', wav());
    expect((await ask('/v1/voices/add', { method: 'POST', body: twice })).status).toBe(400);
  });

  test('at once, no more clones than slots are made', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => add({ files: wav(`RIFF${index}`) })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 400, 400, 400, 400, 400]);
    expect(api.state.voices.size).toBe(3);
  });

  test('full slots are told in the current and in the old format', async () => {
    for (let index = 0; index < 3; index++) api.state.addVoice();
    expect((await add({})).json.detail).toMatchObject({ code: 'bad_request', message: expect.stringMatching('3 / 3') });
    api.state.errorFormat = 'legacy';
    expect((await add({})).json.detail).toEqual({ status: 'voice_limit_reached', message: expect.any(String) });
    api.state.errorFormat = 'current';
  });
});

test('voices come in pages, newest first', async () => {
  for (let index = 0; index < 12; index++) api.state.addVoice({ name: `Voice ${index}` });
  const first = await ask('/v2/voices');
  expect(first.json).toMatchObject({ has_more: true, total_count: 12 });
  const second = await ask(`/v2/voices?next_page_token=${first.json['next_page_token']}`);
  expect(second.json).toMatchObject({ has_more: false, next_page_token: null });
  const names = [first, second].flatMap(({ json }) => (json['voices'] as { name: string }[]).map(({ name }) => name));
  expect(names).toEqual(Array.from({ length: 12 }, (_, index) => `Voice ${11 - index}`));
  expect((await ask('/v2/voices?page_size=101')).status).toBe(422);
});

test('a search looks at names and labels', async () => {
  api.state.addVoice({ name: 'Ivan' });
  api.state.addVoice({ labels: { conversation: 'conv_ivan' } });
  api.state.addVoice({ name: 'Maria' });
  expect((await ask('/v2/voices?search=ivan')).json).toMatchObject({ total_count: 2 });
});

test('a voice can be deleted once', async () => {
  const { voice_id } = api.state.addVoice();
  expect((await ask(`/v1/voices/${voice_id}`, { method: 'DELETE' })).json).toEqual({ status: 'ok' });
  expect((await ask(`/v1/voices/${voice_id}`, { method: 'DELETE' })).status).toBe(404);
});

test('an agent is merged deeply: arrays are replaced, null clears', async () => {
  api.state.addAgent({ agentId: 'agent_1', voiceId: 'voice_1' });
  const body = JSON.stringify({
    conversation_config: { agent: { first_message: null, prompt: { tools: [1] } }, tts: { stability: 0.9 } },
  });
  const { json } = await ask('/v1/convai/agents/agent_1', { method: 'PATCH', body });
  expect(json['conversation_config']).toMatchObject({
    agent: { first_message: null, language: 'nl', prompt: { prompt: 'Be kind.', tools: [1] } },
    tts: { voice_id: 'voice_1', stability: 0.9 },
  });
  expect(api.state.agentNow('agent_1')).toEqual({ voiceId: 'voice_1', firstMessage: null });
  expect((await ask('/v1/convai/agents/agent_2')).status).toBe(404);
});

describe('the webhooks of the workspace', () => {
  const post = (path: string, body: unknown, method = 'POST') => ask(path, { method, body: JSON.stringify(body) });
  const settings = { auth_type: 'hmac', name: 'Calls', webhook_url: 'https://app.example/elevenlabs/webhook' };

  test('show their secret once', async () => {
    const made = await post('/v1/workspace/webhooks', { settings });
    expect(made.json).toEqual({ webhook_id: expect.any(String), webhook_secret: expect.stringMatching(/^wsec_/) });
    const { json } = await ask('/v1/workspace/webhooks?include_usages=true');
    expect(json).toEqual({ webhooks: [expect.objectContaining({ name: 'Calls', usage: [] })] });
    expect(JSON.stringify(json)).not.toContain('wsec_');
  });

  test.each([
    ['http', { webhook_url: 'http://app.example/' }],
    ['without a name', { name: '' }],
    ['without HMAC', { auth_type: 'oauth' }],
  ])('%s are refused', async (_name, wrong) => {
    expect((await post('/v1/workspace/webhooks', { settings: { ...settings, ...wrong } })).status).toBe(422);
  });

  test('need name and state to be changed, and exist', async () => {
    const { webhook_id: id } = api.state.workspace.addWebhook();
    expect((await post(`/v1/workspace/webhooks/${id}`, { name: 'x' }, 'PATCH')).status).toBe(422);
    expect((await post(`/v1/workspace/webhooks/${id}`, { is_disabled: true }, 'PATCH')).status).toBe(422);
    expect((await post('/v1/workspace/webhooks/none', {}, 'DELETE')).status).toBe(404);
  });
});

test('agents are listed, at most 100 at once', async () => {
  api.state.addAgent({ agentId: 'agent_1' });
  expect((await ask('/v1/convai/agents')).json).toMatchObject({ agents: [{ agent_id: 'agent_1' }], has_more: false });
  expect((await ask('/v1/convai/agents?page_size=101')).status).toBe(422);
});

test('the key is required', async () => {
  const answer = await ask('/v1/user/subscription', { headers: { 'xi-api-key': 'other' } });
  expect(answer.status).toBe(401);
  expect(answer.json.detail).toMatchObject({ code: 'invalid_api_key' });
});

describe('errors on demand', () => {
  test('hit only the requests that they are for, and only so often', async () => {
    api.fail({ kind: 'server-error', method: 'GET', path: '/v1/voices/', times: 2 });
    const statuses: number[] = [];
    for (const path of ['/v2/voices', '/v1/voices/a', '/v1/voices/b', '/v1/voices/c']) {
      statuses.push((await ask(path)).status);
    }
    expect(statuses).toEqual([200, 500, 500, 404]);
  });

  const refusals: [Fault, number][] = [
    [{ kind: 'slots-full' }, 400],
    [{ kind: 'slots-full-legacy' }, 400],
    [{ kind: 'plan' }, 402],
    [{ kind: 'unauthorized' }, 401],
    [{ kind: 'forbidden' }, 403],
    [{ kind: 'missing-permission', permission: 'convai_read' }, 401],
    [{ kind: 'residency-key' }, 401],
    [{ kind: 'invalid' }, 422],
    [{ kind: 'rate-limited', retryAfter: '3' }, 429],
    [{ kind: 'server-error', status: 503 }, 503],
    [{ kind: 'redirect' }, 307],
  ];
  test.each(refusals)('$kind does no work', async (fault, expected) => {
    api.fail(fault);
    const { status, headers } = await add({});
    expect(status).toBe(expected);
    expect(headers.get('retry-after')).toBe(fault.retryAfter ?? null);
    expect(api.state.voices.size).toBe(0);
  });

  test.each(['answer-lost', 'reset'] as const)('%s does the work, and the caller does not learn it', async (kind) => {
    api.fail({ kind });
    await expect(add({})).rejects.toThrow();
    expect(api.state.voices.size).toBe(1);
  });

  test.each(['huge', 'not-json'] as const)('%s does the work, and the answer is of no use', async (kind) => {
    api.fail({ kind });
    expect((await add({})).status).toBe(200);
    expect(api.state.voices.size).toBe(1);
  });

  test('slow does the work first, slow-work does it last', async () => {
    api.fail({ kind: 'slow', delayMs: 60_000 });
    await expect(ask('/v1/voices/add', { ...adding(), signal: AbortSignal.timeout(200) })).rejects.toThrow();
    expect(api.state.voices.size).toBe(1);
    api.fail({ kind: 'slow-work', path: '/v1/voices/add', delayMs: 300 });
    const late = add({ files: wav('other') });
    await ask('/v1/user/subscription');
    expect(api.state.voices.size).toBe(1);
    await late;
    expect(api.state.voices.size).toBe(2);
  });
});

const adding = () => ({ method: 'POST', body: form({ name: 'Ivan', files: wav() }) });

test('another process can control it over HTTP', async () => {
  const post = (path: string, body: unknown) => ask(path, { method: 'POST', body: JSON.stringify(body) });
  await post('/__agents', { agentId: 'agent_1', voiceId: 'voice_1', firstMessage: 'Hi!' });
  expect((await post('/__fail', { kind: 'plan' })).status).toBe(200);
  expect((await post('/__fail', { kind: 'nonsense' })).status).toBe(400);
  expect((await ask('/v1/convai/agents/agent_1')).status).toBe(402);
  const { json } = await ask('/__state');
  expect(json).toMatchObject({
    agents: [{ agent_id: 'agent_1' }],
    requests: [{ method: 'GET', path: '/v1/convai/agents/agent_1', hasKey: true, status: 402 }],
  });
  expect(JSON.stringify(json)).not.toContain('"key"');
  await post('/__reset', {});
  expect(api.state.agents.size).toBe(0);
});

test('agents can be made as they are asked for, to try the app out', async () => {
  const generous = await startElevenLabs({ port: 0, makesAgents: true });
  const answer = await fetch(`${generous.url}/v1/convai/agents/agent_7`, { headers: { 'xi-api-key': 'any' } });
  expect(await answer.json()).toMatchObject({ agent_id: 'agent_7' });
  await generous.close();
});

test('a conversation is deleted for good, and once', async () => {
  addConversation(api.state, { agentId: 'agent_1', conversationId: 'conv_1' });
  const remove = () => ask('/v1/convai/conversations/conv_1', { method: 'DELETE' });
  expect([(await remove()).status, (await remove()).status]).toEqual([200, 404]);
  expect((await ask('/v1/convai/conversations/conv_1')).status).toBe(404);
  expect((await ask('/v1/convai/conversations/conv_1/audio', { method: 'DELETE' })).status).toBe(404);
});

test('a stand-in with a folder has the calls that were made while it was stopped, until they are deleted', async () => {
  const callsFolder = join(mkdtempSync(join(tmpdir(), 'elevenlabs-')), 'calls');
  const idsAt = async ({ url }: RunningElevenLabs) => {
    const answer = await fetch(`${url}/v1/convai/conversations`, { headers: { 'xi-api-key': 'key' } });
    const { conversations } = (await answer.json()) as { conversations: { conversation_id: string }[] };
    return conversations.map(({ conversation_id }) => conversation_id);
  };
  const first = await startElevenLabs({ port: 0, callsFolder });
  expect(await idsAt(first)).toEqual([]);
  const { conversationId: running } = keepCall(callsFolder, { agentId: 'agent_1' });
  expect(await idsAt(first)).toEqual([running]);
  await first.close();
  const { conversationId: stopped, startedAt } = keepCall(callsFolder, { agentId: 'agent_1' });
  expect(startedAt).toBeLessThan(Date.now() / 1000 - 3600);
  const second = await startElevenLabs({ port: 0, callsFolder });
  expect((await idsAt(second)).sort()).toEqual([running, stopped].sort());
  const path = `${second.url}/v1/convai/conversations/${running}`;
  expect((await fetch(path, { method: 'DELETE', headers: { 'xi-api-key': 'key' } })).status).toBe(200);
  expect(await idsAt(second)).toEqual([stopped]);
  await second.close();
  rmSync(join(callsFolder, '..'), { recursive: true });
});
