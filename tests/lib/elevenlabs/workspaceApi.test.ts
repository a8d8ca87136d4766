import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WorkspaceApi } from '../../../src/lib/elevenlabs/workspaceApi.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../../tools/local/elevenlabs/server.ts';

let elevenLabs: RunningElevenLabs;
let api: WorkspaceApi;
beforeAll(async () => {
  elevenLabs = await startElevenLabs({ port: 0, apiKey: 'key' });
  const retries = { tries: 3, firstDelayMs: 1, longestDelayMs: 1 };
  api = new WorkspaceApi({ baseUrl: elevenLabs.url, apiKey: 'key', retries });
});
afterAll(async () => {
  await api.close();
  await elevenLabs.close();
});
beforeEach(() => {
  elevenLabs.state.clear();
  elevenLabs.clearFaults();
});

const call = { signal: AbortSignal.timeout(60_000) };
const NEW = { name: 'Calls', url: 'https://app.example/elevenlabs/webhook' };

test('a webhook is created with HMAC, listed, changed and deleted', async () => {
  const { webhookId, secret } = await api.createWebhook(NEW, call);
  expect(secret).toMatch(/^wsec_/);
  expect(await api.listWebhooks(call)).toEqual([
    expect.objectContaining({
      webhookId,
      url: NEW.url,
      authType: 'hmac',
      isDisabled: false,
      usages: [],
      retriesEnabled: undefined,
    }),
  ]);
  await api.changeWebhook({ webhookId, name: 'Calls 2', isDisabled: false, retriesEnabled: true }, call);
  expect(elevenLabs.state.workspace.retrying).toEqual(new Set([webhookId]));
  await api.changeWebhook({ webhookId, name: 'Calls 3', isDisabled: true }, call);
  expect(elevenLabs.state.workspace.retrying).toEqual(new Set([webhookId]));
  expect(await api.listWebhooks(call)).toEqual([expect.objectContaining({ name: 'Calls 3', isDisabled: true })]);
  await api.deleteWebhook(webhookId, call);
  expect(await api.listWebhooks(call)).toEqual([]);
});

test('a webhook is asked for once, whatever becomes of the answer: a second try could make a second one', async () => {
  elevenLabs.fail({ kind: 'answer-lost', method: 'POST' });
  await expect(api.createWebhook(NEW, call)).rejects.toMatchObject({ reason: 'upstream_unavailable' });
  elevenLabs.fail({ kind: 'server-error', method: 'POST' });
  await expect(api.createWebhook(NEW, call)).rejects.toMatchObject({ reason: 'upstream_unavailable' });
  expect(elevenLabs.state.workspace.webhooks.size).toBe(1);
});

test('all else is asked again', async () => {
  elevenLabs.fail({ kind: 'server-error', method: 'GET', times: 2 });
  expect(await api.listWebhooks(call)).toEqual([]);
});

test('the workspace chooses, and everything else that was chosen stays', async () => {
  elevenLabs.state.workspace.settings = {
    webhooks: { transcript_format: 'opentelemetry', events: ['audio'] },
    more: 1,
  };
  const before = await api.getWorkspaceChoice(call);
  expect(before).toMatchObject({ webhookId: undefined, events: ['audio'] });
  await api.choose({ agentId: undefined, choice: { ...before, webhookId: 'wh_1', events: ['transcript'] } }, call);
  expect(elevenLabs.state.workspace.settings).toEqual({
    webhooks: { transcript_format: 'opentelemetry', post_call_webhook_id: 'wh_1', events: ['transcript'] },
    more: 1,
  });
});

test("an agent's own choice is made, and the workspace's and its other settings stay", async () => {
  elevenLabs.state.addAgent({
    agentId: 'agent_1',
    platformSettings: { privacy: { record_voice: false, retention_days: -1 } },
  });
  expect(await api.getAgentSettings('agent_1', call)).toMatchObject({
    choice: undefined,
    privacy: { recordsVoice: false, retentionDays: -1, deletesAudio: undefined },
  });
  const choice = { webhookId: 'wh_1', events: ['audio'], raw: {} };
  await api.choose({ agentId: 'agent_1', choice }, call);
  expect(await api.getAgentSettings('agent_1', call)).toMatchObject({
    choice: { webhookId: 'wh_1', events: ['audio'] },
    privacy: { recordsVoice: false },
  });
  expect(await api.getWorkspaceChoice(call)).toMatchObject({ webhookId: undefined });
});

test('agents come page by page, all of them', async () => {
  for (let index = 0; index < 250; index++) elevenLabs.state.addAgent({ agentId: `agent_${index}` });
  const ids: string[] = [];
  for await (const agentId of api.findAgentIds(call)) ids.push(agentId);
  expect(new Set(ids).size).toBe(250);
  expect(elevenLabs.state.requests.filter(({ path }) => path.startsWith('/v1/convai/agents?'))).toHaveLength(3);
});

test('a webhook that is used cannot be deleted', async () => {
  const { webhookId } = await api.createWebhook(NEW, call);
  await api.choose({ agentId: undefined, choice: { webhookId, events: [], raw: {} } }, call);
  expect(await api.listWebhooks(call)).toMatchObject([{ usages: ['ConvAI Settings'] }]);
  await expect(api.deleteWebhook(webhookId, call)).rejects.toMatchObject({ status: 400 });
});

test('an answer without a secret is not taken for a webhook', async () => {
  elevenLabs.fail({ kind: 'not-json', method: 'POST' });
  await expect(api.createWebhook(NEW, call)).rejects.toMatchObject({ reason: 'unexpected_answer' });
});

test('a key of another host is told apart from a wrong one', async () => {
  elevenLabs.fail({ kind: 'residency-key' });
  await expect(api.listWebhooks(call)).rejects.toMatchObject({ reason: 'invalid_api_key', namesResidency: true });
  elevenLabs.fail({ kind: 'unauthorized' });
  await expect(api.listWebhooks(call)).rejects.toMatchObject({ reason: 'invalid_api_key', namesResidency: false });
});

test("ElevenLabs' clock comes with each exchange", async () => {
  const times: (number | undefined)[] = [];
  await api.listWebhooks({ ...call, onExchange: ({ serverTime }) => times.push(serverTime) });
  expect(times).toEqual([expect.any(Number)]);
});
