import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WorkspaceApi } from '../../src/lib/elevenlabs/workspaceApi.ts';
import { AzureApi } from '../../tools/cli/azure/azureApi.ts';
import { connectInitiation, type InitiationOptions } from '../../tools/cli/connect/initiation.ts';
import { printStore, type SecretStore, vaultStore } from '../../tools/cli/connect/secretStore.ts';
import { readConnectTarget } from '../../tools/cli/connect/target.ts';
import { checks } from '../../tools/cli/doctor/checks.ts';
import { Doctor } from '../../tools/cli/doctor/doctor.ts';
import { examine, type Finding } from '../../tools/cli/doctor/finding.ts';
import { azureContext } from '../../tools/cli/doctor/source.ts';
import { type ConnectContext, startConnectContext } from './connectContext.ts';

let context: ConnectContext;
beforeEach(async () => {
  context = await startConnectContext();
  context.elevenLabs.state.addAgent({ agentId: 'agent_1' });
});
afterEach(() => context.close());

const azure = () =>
  new AzureApi({ management: context.azureUrl, vault: () => context.azureUrl, token: async () => 'token' });

async function run(given: Partial<InitiationOptions> & { readonly store?: SecretStore } = {}) {
  const { store = vaultStore(azure(), 'kv-1', 'initiation-secret'), ...options } = given;
  const lines: string[] = [];
  const api = new WorkspaceApi({
    baseUrl: context.apiUrl,
    apiKey: 'operator_key',
    retries: { tries: 2, firstDelayMs: 1 },
  });
  const target = readConnectTarget(context.appUrl, 'initiation');
  try {
    await connectInitiation(
      {
        target,
        agentIds: ['agent_1'],
        isConfirmed: true,
        isDryRun: false,
        replacesOthers: false,
        makesAnother: false,
        ...options,
      },
      {
        api,
        store,
        azure: store.kind === 'vault' ? azure() : undefined,
        baseUrl: context.apiUrl,
        say: (text) => lines.push(text),
        now: Date.now,
        patience: { waitMs: 500, everyMs: 20 },
      },
    );
    return { said: lines.join('\n'), failed: undefined };
  } catch (error) {
    if ((error as Error).name !== 'Failure') throw error;
    return { said: lines.join('\n'), failed: (error as Error).message };
  } finally {
    await api.close();
  }
}

const changes = () =>
  context.seen.filter(({ at, method, path }) => at !== 'app' && method !== 'GET' && !path.includes('/list'));
const headerOf = (webhook: unknown) => {
  const { request_headers } = webhook as { request_headers: { Authorization: { secret_id: string } } };
  return context.elevenLabs.state.workspace.workspaceSecrets.get(request_headers.Authorization.secret_id);
};
const url = () => `${context.appUrl}/elevenlabs/initiation/webhook`;

interface Platform {
  readonly privacy: object;
  readonly overrides: object;
  readonly workspace_overrides: { readonly conversation_initiation_client_data_webhook: { readonly url: string } };
}
const platformOf = (id: string) => context.elevenLabs.state.agents.get(id)?.['platform_settings'] as Platform;

describe('connect --initiation', () => {
  test('makes a secret, lets the app take it, proves it, and only then lets the agent ask', async () => {
    const { said, failed } = await run();
    expect(failed).toBeUndefined();
    const secret = context.initiationSecret ?? '';
    expect(secret).toMatch(/^init_[\w-]{43}$/);
    expect(said).not.toContain(secret);
    const { overrides, workspace_overrides, privacy } = platformOf('agent_1');
    expect(workspace_overrides.conversation_initiation_client_data_webhook).toMatchObject({ url: url() });
    expect(headerOf(workspace_overrides.conversation_initiation_client_data_webhook)).toBe(`Bearer ${secret}`);
    expect(overrides).toEqual({
      enable_conversation_initiation_client_data_from_webhook: true,
      conversation_config_override: { agent: { first_message: true, language: true }, tts: { voice_id: true } },
    });
    expect(privacy).toEqual({ record_voice: true });
    const order = context.seen.map(
      ({ at, method, path }) => `${at} ${method} ${path.split('?')[0]?.split('/').at(-1)}`,
    );
    const steps = [
      'azure PUT initiation-secret',
      'azure POST restart',
      'app POST webhook',
      'elevenlabs POST secrets',
      'elevenlabs PATCH agent_1',
    ].map((step) => order.lastIndexOf(step));
    expect(steps).toEqual(steps.toSorted((one, other) => one - other));
    expect(steps).not.toContain(-1);
  });

  test('run twice it changes nothing', async () => {
    await run();
    context.seen.length = 0;
    const { failed, said } = await run();
    expect(failed).toBeUndefined();
    expect(said).toMatch(/asks .* already/);
    expect(changes()).toEqual([]);
  });

  test('a dry run says every step and does none', async () => {
    const { said, failed } = await run({ isDryRun: true, isConfirmed: false });
    expect(failed).toBeUndefined();
    for (const step of ['Make a secret', 'Restart', 'Prove', 'Give it to ElevenLabs', 'Let agent agent_1 ask']) {
      expect(said).toContain(`would: ${step}`);
    }
    expect(changes()).toEqual([]);
  });

  test('sets the webhook of the workspace when no agent is named, and says that agents have to ask', async () => {
    const { said, failed } = await run({ agentIds: [] });
    expect(failed).toBeUndefined();
    const { conversation_initiation_client_data_webhook: webhook } = context.elevenLabs.state.workspace.settings;
    expect(webhook).toMatchObject({ url: url() });
    expect(said).toContain('--agent ID');
  });

  test('replaces an address that is not ours only when told to', async () => {
    const theirs = { url: 'https://example.com/theirs', request_headers: {} };
    context.elevenLabs.state.workspace.settings['conversation_initiation_client_data_webhook'] = theirs;
    expect((await run({ agentIds: [] })).failed).toContain('https://example.com/theirs');
    expect(changes()).toEqual([]);
    expect((await run({ agentIds: [], replacesOthers: true })).failed).toBeUndefined();
  });

  test('sets nothing as long as the app does not take the secret', async () => {
    const shown: string[] = [];
    const { failed } = await run({ store: printStore(undefined, (text) => shown.push(text)) });
    expect(shown).toHaveLength(1);
    expect(failed).toMatch(/another secret.*Nothing has been set/s);
    expect(platformOf('agent_1')).not.toHaveProperty('overrides');
  });

  test('with --rotate puts another secret in front, and ElevenLabs sends that one', async () => {
    await run();
    const before = context.initiationSecret ?? '';
    expect((await run({ makesAnother: true })).failed).toBeUndefined();
    const [newest, ...others] = (context.initiationSecret ?? '').split(',');
    expect(others).toEqual([before]);
    expect(headerOf(platformOf('agent_1').workspace_overrides.conversation_initiation_client_data_webhook)).toBe(
      `Bearer ${newest}`,
    );
  });
});

describe('doctor', () => {
  const reference = (name: string) => `@Microsoft.KeyVault(VaultName=kv-1;SecretName=${name})`;
  beforeEach(async () => {
    context.appSettings = {
      ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_webhook',
      ELEVENLABS_API_KEY: reference('elevenlabs-api-key'),
      ELEVENLABS_API_BASE_URL: context.apiUrl,
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
      INITIATION_SECRET: reference('initiation-secret'),
    };
    await run();
    context.alwaysReady = 1;
  });

  async function look(): Promise<Record<string, readonly Finding[]>> {
    const source = {
      target: readConnectTarget(context.appUrl),
      environment: {},
      local: {},
      operatorKey: 'operator_key',
    };
    const opened = await azureContext(source, azure());
    const doctor = new Doctor(opened);
    const found: Record<string, readonly Finding[]> = {};
    for (const check of checks.filter(({ name }) => name.startsWith('initiation'))) {
      found[check.name] = await examine(check, doctor);
    }
    await opened.workspace?.close();
    await opened.client?.close();
    return found;
  }

  test('finds nothing wrong with what connect has set', async () => {
    const found = await look();
    expect(Object.keys(found)).toEqual(['initiation', 'initiation asked', 'initiation agents', 'initiation ready']);
    for (const [name, findings] of Object.entries(found)) {
      expect([name, findings.map(({ status }) => status)]).toEqual([name, findings.map(() => 'ok')]);
    }
    expect(JSON.stringify(found)).not.toContain(context.initiationSecret);
  });

  const overrides = () => platformOf('agent_1').overrides as Record<string, unknown>;
  const webhook = () =>
    platformOf('agent_1').workspace_overrides.conversation_initiation_client_data_webhook as unknown as Record<
      string,
      unknown
    >;

  test.each<[string, () => void, string, string, RegExp]>([
    [
      'no instance that is always ready',
      () => Object.assign(context, { alwaysReady: 0 }),
      'initiation ready',
      'warning',
      /cold start/,
    ],
    [
      'an agent without the flag',
      () => Object.assign(overrides(), { enable_conversation_initiation_client_data_from_webhook: false }),
      'initiation agents',
      'failed',
      /never asks/,
    ],
    [
      'an agent that does not allow what callers bring',
      () => Object.assign(overrides(), { conversation_config_override: { tts: { voice_id: true } } }),
      'initiation agents',
      'warning',
      /agent\.first_message, agent\.language/,
    ],
    [
      'another address',
      () => Object.assign(webhook(), { url: 'https://example.com/' }),
      'initiation agents',
      'failed',
      /no agent/,
    ],
    ['no header', () => Object.assign(webhook(), { request_headers: {} }), 'initiation agents', 'failed', /no header/],
    [
      'another secret as text',
      () => Object.assign(webhook(), { request_headers: { authorization: 'Bearer of_somebody' } }),
      'initiation agents',
      'failed',
      /another secret/,
    ],
    [
      'a secret that everybody can read',
      () => Object.assign(webhook(), { request_headers: { Authorization: `Bearer ${context.initiationSecret}` } }),
      'initiation agents',
      'warning',
      /can be read/,
    ],
    [
      'an app with another secret',
      () => Object.assign(context, { initiationRunning: ['else'] }),
      'initiation asked',
      'failed',
      /401/,
    ],
  ])('finds %s', async (_what, spoil, check, status, says) => {
    spoil();
    const finding = (await look())[check]?.find((each) => each.status === status);
    expect(finding?.says).toMatch(says);
  });
});
