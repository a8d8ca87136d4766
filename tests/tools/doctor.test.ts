import { readFileSync } from 'node:fs';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { AzureApi } from '../../tools/cli/azure/azureApi.ts';
import { nameFor } from '../../tools/cli/connect/fingerprint.ts';
import { readConnectTarget } from '../../tools/cli/connect/target.ts';
import { checks } from '../../tools/cli/doctor/checks.ts';
import { Doctor } from '../../tools/cli/doctor/doctor.ts';
import { examine, type Finding } from '../../tools/cli/doctor/finding.ts';
import { DOCUMENTED_ADDRESSES, missingIn } from '../../tools/cli/doctor/senderAddresses.ts';
import { azureContext, localContext } from '../../tools/cli/doctor/source.ts';
import type { StoredWebhook } from '../../tools/local/elevenlabs/webhooks.ts';
import { type ConnectContext, startConnectContext } from './connectContext.ts';

const SECRET = 'wsec_of_the_webhook';
const EVENTS = ['transcript', 'audio', 'call_initiation_failure'];
const reference = (name: string) => `@Microsoft.KeyVault(VaultName=kv-1;SecretName=${name})`;

let context: ConnectContext;
beforeEach(async () => {
  context = await startConnectContext();
  context.vaultSecret = SECRET;
  context.running = [SECRET];
  context.callers = DOCUMENTED_ADDRESSES.map((address) => `${address}/32`);
  context.appSettings = {
    ELEVENLABS_WEBHOOK_SECRET: reference('elevenlabs-webhook-secret'),
    ELEVENLABS_API_KEY: reference('elevenlabs-api-key'),
    ELEVENLABS_API_BASE_URL: context.apiUrl,
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    ENABLE_AUDIO_STORAGE: 'true',
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '209715200',
    WEBHOOK_TOLERANCE_SECONDS: '3600',
    PRECALL_AGENT_IDS: 'agent_1',
    ELEVENLABS_PRECALL_WEBHOOK_SECRET: 'wsec_of_the_switch',
  };
  addWebhook();
});
afterEach(() => context.close());

/** Ours, in order, and chosen by the workspace. */
function addWebhook(changed: Partial<StoredWebhook> = {}): void {
  const { state } = context.elevenLabs;
  state.clear();
  const webhook_url = `${context.appUrl}/elevenlabs/webhook`;
  const { webhook_id } = state.workspace.addWebhook({ webhook_url, name: nameFor(SECRET), ...changed });
  state.workspace.settings = { webhooks: { post_call_webhook_id: webhook_id, events: EVENTS } };
  state.addAgent({ agentId: 'agent_1' });
}

function choose(changed: object): void {
  const { workspace } = context.elevenLabs.state;
  workspace.settings = { webhooks: { ...(workspace.settings['webhooks'] as object), ...changed } };
}

const azure = () =>
  new AzureApi({ management: context.azureUrl, vault: () => context.azureUrl, token: async () => 'token' });

/** The findings of every check by its name. */
async function look(operatorKey = 'operator_key'): Promise<Record<string, readonly Finding[]>> {
  const source = { target: readConnectTarget(context.appUrl), environment: {}, local: {}, operatorKey };
  const opened = await azureContext(source, azure());
  const doctor = new Doctor(opened);
  const found: Record<string, readonly Finding[]> = {};
  for (const check of checks) found[check.name] = await examine(check, doctor);
  await opened.workspace?.close();
  await opened.client?.close();
  return found;
}

test('an app in order has no warning, but for what this sign-in cannot see, and nothing was changed', async () => {
  const found = await look();
  const storage = ['storage', 'last event', 'sweep'];
  for (const [name, findings] of Object.entries(found)) {
    const expected = storage.includes(name) ? 'skipped' : 'ok';
    expect([name, findings.map(({ status }) => status)]).toEqual([name, findings.map(() => expected)]);
  }
  const changes = context.seen.filter(
    ({ at, method, path }) => at !== 'app' && method !== 'GET' && !path.includes('/list'),
  );
  expect(changes).toEqual([]);
  expect(JSON.stringify(found)).not.toMatch(/wsec_|operator_key/);
});

const agent = (privacy: object) => () =>
  context.elevenLabs.state.addAgent({ agentId: 'agent_1', platformSettings: { privacy } });
const setting = (name: string, value: string) => () => {
  context.appSettings[name] = value;
};

const cases: [string, () => unknown, string, Finding['status'], RegExp][] = [
  ['a setting that is refused', setting('ENABLE_AUDIO_STORAGE', 'yes'), 'settings', 'failed', /ENABLE_AUDIO_STORAGE/],
  ['a setting that is warned about', setting('LOG_LEVEL', 'loud'), 'settings', 'warning', /LOG_LEVEL/],
  ['a short tolerance', setting('WEBHOOK_TOLERANCE_SECONDS', '2699'), 'tolerance', 'warning', /2699/],
  ['a tolerance that covers the retries', setting('WEBHOOK_TOLERANCE_SECONDS', '2700'), 'tolerance', 'ok', /2700/],
  ['a small body limit', setting('FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '104857600'), 'body limit', 'warning', /105 MB/],
  [
    'an app that runs with another secret',
    () => {
      context.running = ['wsec_other'];
    },
    'signature',
    'failed',
    /401/,
  ],
  [
    'an address that may not call',
    () => {
      context.refuse = ({ at }) => (at === 'app' ? { status: 403 } : undefined);
    },
    'signature',
    'failed',
    /operatorAddresses/,
  ],
  [
    'an unhealthy app',
    () => {
      context.refuse = ({ path }) =>
        path === '/health'
          ? {
              status: 503,
              json: {
                service: 'elevenlabs-webhook',
                failing: ['settings'],
                checks: { settings: { settings: ['LOG_LEVEL'] } },
              },
            }
          : undefined;
    },
    'health',
    'failed',
    /settings \(LOG_LEVEL\)/,
  ],
  [
    'no webhook at our address',
    () => addWebhook({ webhook_url: 'https://elsewhere.example/' }),
    'webhook',
    'failed',
    /no webhook/,
  ],
  ['a webhook that is disabled', () => addWebhook({ is_disabled: true }), 'webhook', 'failed', /switched off$/],
  [
    'a webhook that disabled itself',
    () => addWebhook({ is_auto_disabled: true }),
    'webhook',
    'failed',
    /by ElevenLabs/,
  ],
  [
    'a webhook that failed lately',
    () =>
      addWebhook({
        most_recent_failure_error_code: 401,
        most_recent_failure_timestamp: Math.floor(Date.now() / 1000) - 3_600,
      }),
    'webhook',
    'warning',
    /60 min ago with 401/,
  ],
  [
    'a webhook whose secret the app lacks',
    () => addWebhook({ name: nameFor('wsec_lost') }),
    'webhook',
    'failed',
    /does not have the secret/,
  ],
  [
    'a webhook made by hand, of whose retries nobody says',
    () => addWebhook({ name: 'Mine' }),
    'webhook',
    'warning',
    /does not say/,
  ],
  [
    'a webhook without retries',
    () => {
      context.elevenLabs.state.workspace.showsRetries = true;
    },
    'webhook',
    'warning',
    /does not send again/,
  ],
  ['a webhook that nobody has chosen', () => choose({ post_call_webhook_id: null }), 'chosen', 'failed', /neither/],
  [
    'events that are not sent',
    () => choose({ events: ['transcript'] }),
    'chosen',
    'warning',
    /audio, call_initiation_failure/,
  ],
  [
    'events whose form nobody documents',
    () => choose({ events: [...EVENTS, 'unredacted_audio'] }),
    'chosen',
    'warning',
    /unredacted_audio/,
  ],
  ['transcripts without turns', () => choose({ exclude_transcript: true }), 'chosen', 'warning', /without their turns/],
  [
    'an agent that does not record',
    agent({ record_voice: false }),
    'agents',
    'warning',
    /no recording can come: agent_1/,
  ],
  [
    'an agent with zero retention',
    agent({ record_voice: false, zero_retention_mode: true, retention_days: -1 }),
    'agents',
    'warning',
    /zero retention.*agent_1/,
  ],
  [
    'deletion flags that were switched off',
    agent({ record_voice: true, retention_days: -1, delete_audio: false }),
    'agents',
    'warning',
    /switched off in silence: agent_1/,
  ],
  [
    'deletion flags that stayed off',
    agent({ record_voice: true, retention_days: 30, delete_audio: false }),
    'agents',
    'warning',
    /retention has days/,
  ],
  [
    'a clock that is far off',
    () => {
      context.aheadMs = 400_000;
    },
    'clocks',
    'failed',
    /400 s|399 s|401 s/,
  ],
  [
    'a clock that is off',
    () => {
      context.aheadMs = -60_000;
    },
    'clocks',
    'warning',
    /6[01] s|59 s/,
  ],
  [
    'an address of ElevenLabs that is turned away',
    () => {
      context.callers = context.callers.slice(1);
    },
    'addresses',
    'failed',
    /34\.67\.146\.145/,
  ],
  [
    'a residency key',
    () => context.elevenLabs.fail({ kind: 'residency-key', path: '/v1/workspace', times: 9 }),
    'webhook',
    'failed',
    /invalid_api_key/,
  ],
  [
    'a permission that is missing',
    () => context.elevenLabs.fail({ kind: 'missing-permission', path: '/v1/workspace', times: 9 }),
    'webhook',
    'skipped',
    /may not look/,
  ],
  [
    'slots that are full',
    () => {
      context.elevenLabs.state.voiceLimit = 1;
      context.elevenLabs.state.addVoice();
    },
    'pre-call slots',
    'failed',
    /1 of 1/,
  ],
  [
    'a plan without cloning',
    () => {
      context.elevenLabs.state.voiceLimit = 0;
    },
    'pre-call slots',
    'failed',
    /no cloning/,
  ],
  [
    'overrides that the agent refuses',
    setting('PRECALL_AGENT_UPDATE', 'override'),
    'pre-call agents',
    'failed',
    /agent\.first_message, tts\.voice_id/,
  ],
];

test.each(cases)('%s is found', async (_name, arrange, check, status, says) => {
  arrange();
  const found = (await look())[check] ?? [];
  expect(found).toContainEqual(expect.objectContaining({ status, says: expect.stringMatching(says) }));
});

test('what is not ok says what to do', async () => {
  context.running = ['wsec_other'];
  choose({ events: ['unredacted_audio'] });
  for (const findings of Object.values(await look(''))) {
    for (const { status, todo } of findings) expect(typeof todo).toBe(status === 'ok' ? 'undefined' : 'string');
  }
});

describe('a sign-in that lacks a role', () => {
  test.each([
    ['/config/appsettings/list', 'settings', 'Website Contributor'],
    ['/config/web', 'addresses', 'Reader'],
    ['/secrets/elevenlabs-webhook-secret', 'signature', 'Key Vault Secrets User'],
  ])('for %s skips %s and names it', async (path, check, role) => {
    context.refuse = (seen) => (seen.at === 'azure' && seen.path.includes(path) ? { status: 403 } : undefined);
    expect((await look())[check]).toEqual([
      expect.objectContaining({ status: 'skipped', todo: expect.stringContaining(role) }),
    ]);
  });
});

test('the documented addresses are those of the template', () => {
  const template = readFileSync(new URL('../../infra/main.bicep', import.meta.url), 'utf8');
  const list = /param elevenLabsAddresses string\[\] = \[([^\]]*)\]/.exec(template)?.[1] ?? '';
  expect([...list.matchAll(/'([\d.]+)\/32'/g)].map(([, address]) => address)).toEqual([...DOCUMENTED_ADDRESSES]);
  expect(missingIn(['34.0.0.0/8', '35.0.0.0/8'])).toEqual([]);
  expect(missingIn(['AzureCloud', '::1/128', 'Any'])).toEqual([...DOCUMENTED_ADDRESSES]);
});

test('beside npm start it knows what npm start tells the app: reconciliation is on where the stand-in is', () => {
  const at = (environment: Record<string, string>, url = 'http://127.0.0.1:7071') =>
    localContext({
      target: readConnectTarget(url),
      environment,
      local: {},
      operatorKey: '',
      storagePort: 10_000,
    });
  const isOn = (context: ReturnType<typeof at>) => context.settings?.configuration.reconciliation;
  expect(isOn(at({}))).toMatchObject({ isEnabled: true, problems: [] });
  expect(isOn(at({ ENABLE_RECONCILIATION: 'false' }))).toMatchObject({ isEnabled: false });
  expect(isOn(at({ ELEVENLABS_API_KEY: '' }))).toMatchObject({ isEnabled: false });
  expect(isOn(at({}, 'https://webhook.example'))).toBeUndefined();
});

test('a timer that has not run is named with its schedule, and reconciliation with the setting that it lacks', async () => {
  const look = async (check: (typeof checks)[number], environment: Record<string, string>) => {
    const source = { target: readConnectTarget('http://127.0.0.1:7071'), environment, local: {}, operatorKey: '' };
    const opened = localContext({ ...source, storagePort: 10_000 });
    const blobs = BlobServiceClient.fromConnectionString(inject('storage'));
    return examine(check, new Doctor({ ...opened, blobs }));
  };
  const state = { STATE_STORAGE_PATH: 'nothing-is-here' };
  const named = (name: string) => checks.filter((check) => check.name === name);
  for (const check of named('sweep')) {
    expect(await look(check, state)).toMatchObject([{ says: 'has not run yet', todo: expect.stringContaining('*/5') }]);
  }
  for (const check of named('reconciliation')) {
    const problem = { ENABLE_RECONCILIATION: 'true', RECONCILE_DAYS: 'x' };
    expect(await look(check, state)).toMatchObject([{ todo: expect.stringContaining('30 * * * * *') }]);
    expect(await look(check, problem)).toMatchObject([
      { status: 'warning', says: 'is not configured: RECONCILE_DAYS' },
    ]);
  }
});
