import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WorkspaceApi } from '../../src/lib/elevenlabs/workspaceApi.ts';
import { AzureApi } from '../../tools/cli/azure/azureApi.ts';
import { connect } from '../../tools/cli/connect/connect.ts';
import type { ConnectOptions } from '../../tools/cli/connect/context.ts';
import { nameFor } from '../../tools/cli/connect/fingerprint.ts';
import { rotate } from '../../tools/cli/connect/rotate.ts';
import { printStore, type SecretStore, vaultStore, withNewest } from '../../tools/cli/connect/secretStore.ts';
import { readConnectTarget } from '../../tools/cli/connect/target.ts';
import { asObject } from '../../tools/local/elevenlabs/state.ts';
import { type ConnectContext, type Seen, startConnectContext } from './connectContext.ts';

let context: ConnectContext;
beforeEach(async () => {
  context = await startConnectContext();
});
afterEach(() => context.close());

const HOUR_AGO = () => Math.floor(Date.now() / 1000) - 3_600;
const EVENTS = ['transcript', 'audio', 'call_initiation_failure'];
const workspaceChoice = () => asObject(context.elevenLabs.state.workspace.settings['webhooks']);
const agentChoice = (id: string) =>
  asObject(
    asObject(asObject(context.elevenLabs.state.agents.get(id)?.['platform_settings'])['workspace_overrides'])[
      'webhooks'
    ],
  );
const webhooks = () => [...context.elevenLabs.state.workspace.webhooks.values()];
const changes = () =>
  context.seen.filter(({ at, method, path }) => at !== 'app' && method !== 'GET' && !path.includes('/list'));

interface Run {
  readonly said: string;
  readonly failed: string | undefined;
}

async function run(
  given: Partial<ConnectOptions> & { readonly store?: SecretStore; readonly now?: () => number } = {},
  command = connect,
): Promise<Run> {
  const azure = new AzureApi({
    management: context.azureUrl,
    vault: () => context.azureUrl,
    token: async () => 'token',
  });
  const { store = vaultStore(azure, 'kv-1'), now = Date.now, ...options } = given;
  const lines: string[] = [];
  const api = new WorkspaceApi({
    baseUrl: context.apiUrl,
    apiKey: 'operator_key',
    retries: { tries: 2, firstDelayMs: 1, longestDelayMs: 1 },
  });
  try {
    await command(
      {
        target: readConnectTarget(context.appUrl),
        agentIds: [],
        isConfirmed: true,
        isDryRun: false,
        replacesOthers: false,
        ...options,
      },
      {
        api,
        store,
        azure: store.kind === 'vault' ? azure : undefined,
        baseUrl: context.apiUrl,
        say: (text) => lines.push(text),
        now,
        patience: { waitMs: 500, everyMs: 20 },
      },
    );
    return { said: lines.join('\n'), failed: undefined };
  } catch (error) {
    if ((error as Error).name !== 'Failure' && (error as Error).name !== 'AzureError') throw error;
    return { said: lines.join('\n'), failed: (error as Error).message };
  } finally {
    await api.close();
  }
}

/** What somebody finds who looks after a run that went well: one webhook, chosen, whose secret the app has. */
function expectConnected(choice = workspaceChoice) {
  const [webhook] = webhooks();
  expect(webhooks()).toHaveLength(1);
  const id = webhook?.webhook_id ?? '';
  expect(choice()).toMatchObject({ post_call_webhook_id: id, events: EVENTS });
  expect(context.elevenLabs.state.workspace.retrying.has(id)).toBe(true);
  expect(context.running).toContain(context.elevenLabs.state.workspace.secrets.get(id));
  expect(webhook).toMatchObject({ webhook_url: `${context.appUrl}/elevenlabs/webhook`, is_disabled: false });
}

describe('connect', () => {
  test('creates, stores, restarts, proves, and only then chooses', async () => {
    context.vaultSecret = 'wsec_of_another_webhook';
    const { said, failed } = await run();
    expect(failed).toBeUndefined();
    expectConnected();
    const secret = [...context.elevenLabs.state.workspace.secrets.values()][0] ?? '';
    expect(context.vaultSecret).toBe(`${secret},wsec_of_another_webhook`);
    expect(said).not.toContain(secret);
    const order = context.seen.map(
      ({ at, method, path }) => `${at} ${method} ${path.split('?')[0]?.split('/').at(-1)}`,
    );
    const at = (step: string) => order.lastIndexOf(step);
    const steps = [
      'elevenlabs POST webhooks',
      'azure PUT elevenlabs-webhook-secret',
      'azure POST refresh',
      'azure POST restart',
      'app POST webhook',
    ];
    const retries = order.findLastIndex((step) => step.startsWith('elevenlabs PATCH wh_'));
    const places = [...steps.map(at), retries, at('elevenlabs PATCH settings')];
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(places).not.toContain(-1);
  });

  test('run twice it changes nothing', async () => {
    await run();
    const before = [JSON.stringify(context.elevenLabs.state.workspace), context.vaultSecret, context.restarts];
    context.seen.length = 0;
    const { said, failed } = await run();
    expect(failed).toBeUndefined();
    expect(said).toContain('Nothing is left to do');
    expect(changes()).toEqual([]);
    expect([JSON.stringify(context.elevenLabs.state.workspace), context.vaultSecret, context.restarts]).toEqual(before);
  });

  test('a dry run says every step and does none', async () => {
    const { said, failed } = await run({ isDryRun: true, isConfirmed: false });
    expect(failed).toBeUndefined();
    for (const step of ['Create', 'Store', 'Restart', 'Prove', 'retries', 'Choose']) {
      expect(said).toMatch(new RegExp(`^would: .*${step}`, 'm'));
    }
    expect(changes()).toEqual([]);
  });

  test('without --yes nothing is made when a restart would be needed', async () => {
    expect((await run({ isConfirmed: false })).failed).toMatch(/ends deliveries under way.*--yes/s);
    expect(changes()).toEqual([]);
  });

  test('agents that are named choose it by their own override, and the workspace is left alone', async () => {
    const { state } = context.elevenLabs;
    state.workspace.settings = { webhooks: { post_call_webhook_id: 'wh_of_another_product', events: ['transcript'] } };
    for (const agentId of ['agent_1', 'agent_2', 'agent_3']) state.addAgent({ agentId });
    expect((await run({ agentIds: ['agent_1', 'agent_2'] })).failed).toBeUndefined();
    expectConnected(() => agentChoice('agent_1'));
    expectConnected(() => agentChoice('agent_2'));
    expect(agentChoice('agent_3')).toEqual({});
    expect(workspaceChoice()).toEqual({ post_call_webhook_id: 'wh_of_another_product', events: ['transcript'] });
    expect(state.agents.get('agent_1')).toMatchObject({ platform_settings: { privacy: { record_voice: true } } });
    expect((await run({ agentIds: ['agent_3'] })).failed).toBeUndefined();
    expectConnected(() => agentChoice('agent_3'));
    expect((await run({ agentIds: ['agent_9'] })).failed).toContain('agent_not_found');
  });

  test("another product's webhook is not replaced without being asked to", async () => {
    const theirs = {
      post_call_webhook_id: 'wh_theirs',
      events: ['transcript'],
      transcript_format: 'json',
      more: "it's",
    };
    context.elevenLabs.state.workspace.settings = { webhooks: theirs };
    const refused = await run();
    expect(refused.failed).toMatch(/wh_theirs[\s\S]*--replace-webhook/);
    expect(changes()).toEqual([]);
    const { said, failed } = await run({ replacesOthers: true });
    expect(failed).toBeUndefined();
    expectConnected();
    expect(said).toContain('the workspace had wh_theirs. This puts it back:');
    const json = /-d '(.*)'$/m.exec(said)?.[1]?.replaceAll("'\\''", "'");
    expect(JSON.parse(json ?? '')).toEqual({ webhooks: theirs });
  });

  test('a webhook that nobody uses and whose secret nobody knows is deleted only with --yes', async () => {
    const left = context.elevenLabs.state.workspace.addWebhook({ webhook_url: `${context.appUrl}/elevenlabs/webhook` });
    expect((await run({ isConfirmed: false })).failed).toContain(left.webhook_id);
    expect(webhooks()).toHaveLength(1);
    expect((await run()).failed).toBeUndefined();
    expectConnected();
    expect(webhooks()[0]?.webhook_id).not.toBe(left.webhook_id);
  });

  test('a webhook in use that was made by hand is gone on with, when the vault has a secret that the app takes', async () => {
    const { workspace } = context.elevenLabs.state;
    const made = workspace.addWebhook({ webhook_url: `${context.appUrl}/elevenlabs/webhook`, is_auto_disabled: true });
    workspace.settings = {
      webhooks: { post_call_webhook_id: made.webhook_id, events: ['transcript', 'unredacted_audio'] },
    };
    context.vaultSecret = workspace.secrets.get(made.webhook_id);
    context.running = [context.vaultSecret ?? ''];
    expect((await run()).failed).toBeUndefined();
    expect(webhooks()).toMatchObject([{ webhook_id: made.webhook_id, is_auto_disabled: false }]);
    expect(workspaceChoice()['events']).toEqual([...EVENTS, 'unredacted_audio']);
    expect(workspace.retrying.has(made.webhook_id)).toBe(true);
    expect(context.restarts).toBe(0);
  });

  test('usages that ElevenLabs does not show are not taken for none', async () => {
    const { workspace } = context.elevenLabs.state;
    workspace.showsUsages = false;
    workspace.addWebhook({ webhook_url: `${context.appUrl}/elevenlabs/webhook` });
    expect((await run()).failed).toContain('administrator');
    expect(changes()).toEqual([]);
  });

  test('usages that are not shown are looked for at the workspace and all agents', async () => {
    const { state } = context.elevenLabs;
    await run();
    state.workspace.showsUsages = false;
    state.addAgent({ agentId: 'agent_1' });
    expect((await run({ agentIds: ['agent_1'] })).failed).toBeUndefined();
    expectConnected(() => agentChoice('agent_1'));
    expectConnected();
  });

  test('a webhook that stays switched off is said to be so', async () => {
    await run();
    const { workspace } = context.elevenLabs.state;
    const [webhook] = webhooks();
    if (webhook !== undefined) workspace.webhooks.set(webhook.webhook_id, { ...webhook, is_disabled: true });
    context.refuse = ({ method, path }) =>
      method === 'PATCH' && path.includes('/wh_') ? { status: 200, json: {} } : undefined;
    expect((await run()).failed).toContain('keeps');
    context.refuse = () => undefined;
    expect((await run()).failed).toBeUndefined();
    expectConnected();
  });

  const storing = ({ at, method }: Seen) => at === 'azure' && method === 'PUT';
  test('a secret that cannot be stored takes its webhook along', async () => {
    context.refuse = (seen) => (storing(seen) ? { status: 403 } : undefined);
    const { failed } = await run();
    expect(failed).toMatch(/deleted again.*Key Vault Secrets Officer/s);
    expect(webhooks()).toEqual([]);
    expect(context.vaultSecret).toBeUndefined();
    expect(context.restarts).toBe(0);
  });

  test('a secret that was stored although the answer was an error counts as stored', async () => {
    context.loseAnswer = storing;
    expect((await run()).failed).toBeUndefined();
    expectConnected();
  });

  test('an app that does not take the secret is not chosen, and the next run goes on from there', async () => {
    context.refuse = ({ at, path }) => (at === 'azure' && path.includes('/restart') ? { status: 200 } : undefined);
    expect((await run()).failed).toMatch(/401 signature_mismatch[\s\S]*Nothing has been chosen/);
    expect(workspaceChoice()).toMatchObject({ post_call_webhook_id: null });
    const [id] = webhooks().map(({ webhook_id }) => webhook_id);
    context.refuse = () => undefined;
    expect((await run()).failed).toBeUndefined();
    expectConnected();
    expect(webhooks()[0]?.webhook_id).toBe(id);
  });

  test.each([
    ['an address rule that turns this machine away', { status: 403 }, 'operatorAddresses'],
    ['something else at the address', { status: 200, json: {} }, 'is not this app'],
  ])('%s is met before anything is made', async (_name, answer, says) => {
    context.refuse = ({ at }) => (at === 'app' ? answer : undefined);
    expect((await run()).failed).toContain(says);
    expect(changes()).toEqual([]);
  });

  test.each([
    ['GET', '/v1/workspace/webhooks', 'webhooks_write'],
    ['GET', '/v1/convai/settings', 'convai_read'],
    ['PATCH', '/v1/convai/settings', 'convai_write'],
  ])('a key that may not %s %s is told which permission it lacks', async (method, path, permission) => {
    context.elevenLabs.fail({ kind: 'missing-permission', method, path, times: 9 });
    expect((await run()).failed).toContain(`needs the permission ${permission}`);
  });

  test('a key of a residency host is told so', async () => {
    context.elevenLabs.fail({ kind: 'residency-key' });
    expect((await run()).failed).toContain('api.eu.residency.elevenlabs.io');
  });

  test('--print shows the secret once, and it is chosen when the app has it', async () => {
    const printed: string[] = [];
    const store = printStore('wsec_old_one', (text) => printed.push(text));
    context.onDone = async ({ at }) => {
      if (at === 'app' && printed[0] !== undefined) context.running = [printed[0]];
    };
    const { said, failed } = await run({ store });
    expect(failed).toBeUndefined();
    expectConnected();
    expect(printed).toEqual([...context.elevenLabs.state.workspace.secrets.values()]);
    expect(said).not.toContain(printed[0]);
  });
});

describe('a fault at any one request of connect', () => {
  /** Every run of connect asks fewer times than that. */
  const MOST_REQUESTS = 30;

  function forgetEverything() {
    context.elevenLabs.state.clear();
    context.vaultSecret = undefined;
    context.running = [];
    context.seen.length = 0;
  }

  function expectNoCallLost() {
    const id = workspaceChoice()['post_call_webhook_id'];
    if (id !== null) expect(context.running).toContain(context.elevenLabs.state.workspace.secrets.get(String(id)));
  }

  const faults: [string, (isHit: (seen: Seen) => boolean) => void][] = [
    ['a refusal', (isHit) => (context.refuse = (seen) => (isHit(seen) ? { status: 409 } : undefined))],
    ['work that is done, and an error for an answer', (isHit) => (context.loseAnswer = isHit)],
  ];

  test.each(faults)('%s: no call is lost, and the next run ends well', async (_name, arrange) => {
    let failures = 0;
    for (let request = 1; request < MOST_REQUESTS; request++) {
      forgetEverything();
      arrange(() => context.seen.length === request);
      if ((await run()).failed !== undefined) failures += 1;
      expectNoCallLost();
      arrange(() => false);
      expect([request, (await run()).failed]).toEqual([request, undefined]);
      expectConnected();
    }
    expect(failures).toBeGreaterThan(8);
  });
});

test('of a full list of secrets the oldest goes that no webhook is known to use', () => {
  const stored = ['d', 'c', 'b', 'a'];
  expect(withNewest('e', stored, () => false)).toEqual({ secrets: ['e', 'd', 'c', 'b'], dropped: 1 });
  expect(withNewest('e', stored, (secret) => secret === 'a')).toEqual({ secrets: ['e', 'd', 'c', 'a'], dropped: 1 });
  expect(withNewest('c', stored, () => false)).toEqual({ secrets: ['c', 'd', 'b', 'a'], dropped: 0 });
});

describe('connect --rotate', () => {
  const made = () => webhooks().map(({ webhook_id }) => webhook_id);
  /** As if the first run had been long ago. */
  const age = () => {
    const { workspace } = context.elevenLabs.state;
    for (const webhook of webhooks()) {
      workspace.webhooks.set(webhook.webhook_id, { ...webhook, created_at_unix: HOUR_AGO() });
    }
  };

  test('makes a second webhook, chooses it wherever the old one was, and later deletes the old one', async () => {
    const { state } = context.elevenLabs;
    for (const agentId of ['agent_1', 'agent_2']) state.addAgent({ agentId });
    await run();
    await run({ agentIds: ['agent_1'] });
    age();
    const [old] = made();
    const oldSecret = context.vaultSecret ?? '';
    const { said, failed } = await run({}, rotate);
    expect(failed).toBeUndefined();
    const [fresh] = made().filter((id) => id !== old);
    expect(workspaceChoice()).toMatchObject({ post_call_webhook_id: fresh, events: EVENTS });
    expect(agentChoice('agent_1')).toMatchObject({ post_call_webhook_id: fresh, events: EVENTS });
    expect(agentChoice('agent_2')).toEqual({});
    expect(context.running).toEqual([state.workspace.secrets.get(fresh ?? ''), oldSecret]);
    expect(said).toContain('45 minutes');

    expect((await run({}, rotate)).said).toMatch(/4[0-9] minutes more/);
    expect(made()).toHaveLength(2);
    const later = () => Date.now() + 50 * 60_000;
    expect((await run({ now: later, isConfirmed: false }, rotate)).failed).toContain('--yes');
    expect(made()).toHaveLength(2);
    // The app would refuse a signature from the future: only what ElevenLabs has is looked at here.
    expect((await run({ now: later }, rotate)).failed).toBeUndefined();
    expect(made()).toEqual([fresh]);
    expect(context.vaultSecret).toBe(state.workspace.secrets.get(fresh ?? ''));
  });

  test('needs a webhook that is in use', async () => {
    expect((await run({}, rotate)).failed).toContain('connect first');
    expect(changes()).toEqual([]);
  });

  test('a new webhook of an unknown secret, left by a run that was killed, is made anew', async () => {
    await run();
    age();
    const left = context.elevenLabs.state.workspace.addWebhook({ webhook_url: `${context.appUrl}/elevenlabs/webhook` });
    expect((await run({}, rotate)).failed).toBeUndefined();
    expect(made()).toHaveLength(2);
    expect(made()).not.toContain(left.webhook_id);
    expect(webhooks().map(({ name }) => name)).toContain(nameFor(context.running[0] ?? ''));
  });
});
